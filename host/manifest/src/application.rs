//! `[application]`: what the application is called, and settings for all triggers of a kind.

use crate::deployment::{self, Deployment};
use crate::http::{self, Policy};
use crate::seed::{self, Seed};
use crate::text::{Mistake, Spanned, Table, Value};
use crate::tool;

/// The table as it is written. What is mistaken in it was reported, and has its default here.
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) authors: Vec<String>,
    pub(crate) targets: Vec<Deployment>,
    /// The server of the Redis triggers that name none themselves.
    pub(crate) redis_address: Option<Spanned<String>>,
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
    let (policies, seeds) = tool::read(table, read_ours);
    Some(Draft {
        name: name.unwrap_or_default(),
        version: version.unwrap_or_default(),
        description: description.unwrap_or_default(),
        authors: authors.unwrap_or_default(),
        targets: targets.unwrap_or_default(),
        // Where one is written but cannot be read, no trigger lacks one.
        redis_address: redis_address.unwrap_or_else(|| Some(Spanned::default())),
        policies,
        seeds,
    })
}

type Ours = (Vec<(Spanned<String>, Policy)>, Vec<Seed>);

fn read_ours(table: &mut Table<'_>) -> Ours {
    let policies = table.or_default("routes", read_policies);
    let seeds = table.or_default("seeds", seed::read_all);
    (policies.unwrap_or_default(), seeds.unwrap_or_default())
}

/// Settings of other kinds of triggers belong to the plugins that know them.
fn read_settings(table: &mut Table<'_>) -> Option<Option<Spanned<String>>> {
    table.or_default("http", |value| value.table(read_http));
    let redis_address = table.or_default("redis", |value| {
        value.table(|table| table.optional("address", Value::spanned_string))
    });
    table.ignore_tables();
    redis_address
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
    let policies = value.entries()?.into_iter();
    let read = |(id, value): (Spanned<String>, Value<'_>)| {
        (id, value.table(http::read_policy).unwrap_or_default())
    };
    Some(policies.map(read).collect())
}
