//! What the three interfaces have in common, in the words of the host.

use stoa_capabilities::telemetry::{
    Attributes, Dropped, ITEM_INPUT_BYTES_MAX, NAME_BYTES_MAX, Nanoseconds, Resource, Scope,
    TEXT_BYTES_MAX, bounded,
};

use super::bindings::wasi::clocks::wall_clock::Datetime;
use super::contract::tracing::TraceFlags;
use super::contract::types;

/// What stands around the key and the value of an attribute, as it is sent.
const ATTRIBUTE_BYTES: usize = 24;

/// What attributes bring, before anything is made of them.
pub(super) fn weight(written: &[types::KeyValue]) -> usize {
    let weights = written.iter();
    weights
        .map(|it| ATTRIBUTE_BYTES + it.key.len() + it.value.len())
        .sum()
}

/// Refuses what is too much to be read.
pub(super) fn fits(weight: usize) -> Result<(), Dropped> {
    match weight > ITEM_INPUT_BYTES_MAX {
        true => Err(Dropped::TooLarge),
        false => Ok(()),
    }
}

pub(super) fn attributes(written: Vec<types::KeyValue>) -> Attributes {
    Attributes::new(written.into_iter().map(|it| (it.key, it.value)))
}

pub(super) fn resource(written: types::Resource) -> Resource {
    Resource {
        attributes: attributes(written.attributes),
        schema_url: written.schema_url,
    }
}

pub(super) fn scope(written: types::InstrumentationScope) -> Scope {
    Scope {
        name: written.name,
        version: written.version,
        schema_url: written.schema_url,
        attributes: attributes(written.attributes),
    }
}

pub(super) fn moment(written: Datetime) -> Nanoseconds {
    Nanoseconds::moment(written.seconds, written.nanoseconds)
}

pub(super) fn name(written: String) -> String {
    bounded(written, NAME_BYTES_MAX)
}

pub(super) fn text(written: String) -> String {
    bounded(written, TEXT_BYTES_MAX)
}

/// The flags as W3C's Trace Context has them.
pub(super) fn flags(written: TraceFlags) -> u32 {
    u32::from(written.contains(TraceFlags::SAMPLED))
}
