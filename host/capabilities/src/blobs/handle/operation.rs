//! What a component can do with a blob store, as it is counted.

use crate::Holder;
use crate::metrics::BLOBS_CALLS_TOTAL;

#[derive(Clone, Copy)]
pub(super) enum Operation {
    Head,
    Get,
    Read,
    List,
    Put,
    Write,
    Finish,
    Copy,
    Delete,
    Presign,
}

impl Operation {
    pub(super) const ALL: [Self; 10] = [
        Self::Head,
        Self::Get,
        Self::Read,
        Self::List,
        Self::Put,
        Self::Write,
        Self::Finish,
        Self::Copy,
        Self::Delete,
        Self::Presign,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Get => "get",
            Self::Read => "read",
            Self::List => "list",
            Self::Put => "put",
            Self::Write => "write",
            Self::Finish => "finish",
            Self::Copy => "copy",
            Self::Delete => "delete",
            Self::Presign => "presign",
        }
    }
}

/// The counter of one outcome: `ok` or the code of an error.
pub(super) fn counter(
    holder: &Holder,
    operation: Operation,
    outcome: &'static str,
) -> metrics::Counter {
    let operation = operation.name();
    metrics::counter!(BLOBS_CALLS_TOTAL, "label" => holder.label.to_string(), "operation" => operation, "outcome" => outcome)
}
