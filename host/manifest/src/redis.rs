//! `[[trigger.redis]]`: which messages start which component.

use crate::name::ComponentId;
use crate::text::{Mistake, Table, Value};
use crate::trigger::{self, Companions};

/// A subscription to a channel of Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Unique among the triggers of the application. Default: `trigger-` and its component.
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

/// The fields that only a Redis trigger has.
pub(crate) struct Draft {
    pub(crate) address: Option<String>,
    pub(crate) channel: String,
}

pub(crate) fn read(trigger: &trigger::Draft, table: &mut Table<'_>) -> Option<Draft> {
    let report = table.report();
    let address = table.optional("address", Value::string);
    let channel = table.required("channel", Value::string);
    if trigger.component.is_none() {
        report.add(Mistake::new(
            trigger.span,
            "missing field `component` in `[[trigger.redis]]`",
        ));
    }
    Some(Draft {
        address: address?,
        channel: channel?,
    })
}
