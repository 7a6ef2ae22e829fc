//! `[application]`: what the application is called, and settings for all triggers of a kind.

use crate::deployment::{self, Deployment};
use crate::http::{self, Policy};
use crate::seed::{self, Seed};
use crate::text::{self, Mistake, Spanned, Table, Value};
use crate::tool;

/// The table as it is written.
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) authors: Vec<String>,
    pub(crate) targets: Vec<Deployment>,
    /// The server of the Redis triggers that name none themselves.
    pub(crate) redis_address: Option<String>,
    /// By trigger.
    pub(crate) policies: Vec<(Spanned<String>, Policy)>,
    pub(crate) seeds: Vec<Seed>,
}

pub(crate) fn read(table: &mut Table<'_>) -> Option<Draft> {
    let name = table.required("name", Value::string);
    let version = table.or_default("version", Value::string);
    let description = table.or_default("description", Value::string);
    let authors = table.or_default("authors", Value::strings);
    let targets = table.or_default("targets", deployment::read_all);
    let redis_address = table.or_default("trigger", |value| value.table(read_settings));
    let ours = tool::read(table, read_ours);
    let (policies, seeds) = ours?;
    Some(Draft {
        name: name?,
        version: version?,
        description: description?,
        authors: authors?,
        targets: targets?,
        redis_address: redis_address?,
        policies,
        seeds,
    })
}

type Ours = (Vec<(Spanned<String>, Policy)>, Vec<Seed>);

fn read_ours(table: &mut Table<'_>) -> Option<Ours> {
    let policies = table.or_default("routes", read_policies);
    let seeds = table.or_default("seeds", seed::read_all);
    Some((policies?, seeds?))
}

/// Settings of other kinds of triggers belong to the plugins that know them.
fn read_settings(table: &mut Table<'_>) -> Option<Option<String>> {
    let http = table.or_default("http", |value| value.table(read_http));
    let redis = table.or_default("redis", |value| {
        value.table(|table| table.optional("address", Value::string))
    });
    table.ignore_rest();
    http.and(redis)
}

fn read_http(table: &mut Table<'_>) -> Option<()> {
    let Some(base) = table.take("base") else {
        return Some(());
    };
    let mistake = Mistake::new(
        base.span(),
        "`base` in `[application.trigger.http]` is no longer supported",
    );
    table
        .report()
        .refuse(mistake.hint("write the whole path in each `route`"))
}

fn read_policies(value: Value<'_>) -> Option<Vec<(Spanned<String>, Policy)>> {
    text::all(
        value
            .entries()?
            .into_iter()
            .map(|(id, value)| Some((id, value.table(http::read_policy)?))),
    )
}
