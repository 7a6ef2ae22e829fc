//! `[[trigger.redis]]`: which messages start which component.

use crate::name::ComponentId;
use crate::text::{Mistake, Spanned, Table, Value};
use crate::trigger::{self, Companions};

/// A subscription to a channel of Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Unique among the triggers of the application. Default: see [`Route::id`](crate::http::Route::id).
    pub id: String,
    /// The server, perhaps with templates. Default: `address` in `[application.trigger.redis]`.
    pub address: String,
    /// The channel, perhaps with templates.
    pub channel: String,
    /// What each message starts.
    pub component: ComponentId,
    /// What else it names.
    pub companions: Companions,
}

/// The fields that only a Redis trigger has. What is mistaken in them was reported, and is empty here.
pub(crate) struct Draft {
    pub(crate) address: Option<Spanned<String>>,
    pub(crate) channel: Spanned<String>,
}

pub(crate) fn read(trigger: &trigger::Draft, table: &mut Table<'_>) -> Draft {
    let report = table.report();
    let address = table.optional("address", Value::spanned_string);
    let channel = table.required("channel", Value::spanned_string);
    if trigger.component.is_none() {
        report.add(Mistake::new(
            trigger.span,
            "missing field `component` in `[[trigger.redis]]`",
        ));
    }
    Draft {
        // One that cannot be read is not one that is missing.
        address: address.unwrap_or_else(|| Some(Spanned::default())),
        channel: channel.unwrap_or_default(),
    }
}
