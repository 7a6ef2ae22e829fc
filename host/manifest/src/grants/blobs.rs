//! `grants.blobs.<label>`: what a component may do with a blob store.

use super::quota::{self, Quota};
use super::{Access, read_access};
use crate::text::{Mistake, Table, Value};

/// What a component may do with one blob store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grant {
    /// Whether it may change anything. Default: [`Access::ReadWrite`].
    pub access: Access,
    /// `containers`: the containers it may use, at least one; others do not exist for it. They are made when first
    /// written to.
    pub containers: Vec<String>,
    /// `blob_bytes_max`: the size of one blob, 1 byte to 5 GiB. Default: 5 GiB.
    pub blob_bytes_max: Option<u64>,
    /// `presign_seconds_max`: how long a URL that it signs is good for, 1 second to 7 days. Default: it signs none.
    pub presign_seconds_max: Option<u64>,
    /// How often and how much.
    pub quota: Quota,
}

pub(crate) fn read(table: &mut Table<'_>) -> Option<Grant> {
    let report = table.report();
    let access = table.or_default("access", read_access);
    let span = table.span();
    let containers = table.required("containers", Value::spanned_strings);
    let blob_bytes = table.optional("blob_bytes_max", |value| value.integer(1..=5 << 30));
    let presign = table.optional("presign_seconds_max", |value| {
        value.integer(1..=7 * 24 * 3600)
    });
    let quota = quota::read(table);
    let containers = containers?;
    if containers.is_empty() {
        report.add(Mistake::new(span, "`containers` names no container"));
    }
    for container in &containers {
        if !is_container(&container.value) {
            let message = format!("`{}` is not the name of a container", container.value);
            let mistake = Mistake::new(container.span, message);
            report.add(
                mistake.hint("3 to 63 lower-case letters, digits and `-`, no `-` first or last"),
            );
        }
    }
    Some(Grant {
        access: access?,
        containers: containers.into_iter().map(|name| name.value).collect(),
        blob_bytes_max: blob_bytes?,
        presign_seconds_max: presign?,
        quota: quota?,
    })
}

/// Names that are good for a folder and for a bucket of S3 alike: none needs escaping, none can leave its place.
pub fn is_container(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&name.len())
        && name.bytes().all(fits)
        && !name.starts_with('-')
        && !name.ends_with('-')
}
