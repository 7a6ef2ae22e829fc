//! `wasi:otel`: what guests tell of themselves, and where in a trace they stand.
//!
//! Nothing here waits and nothing traps: telemetry that is wrong, too much or not wanted is counted and dropped, because a
//! guest must not fail over it. Spin ends a guest that ends a span which it has not started; here nobody keeps a list of
//! those that were, as this host has no spans of its own to put between them.

mod logs;
mod metrics;
mod read;
mod tracing;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use stoa_capabilities::telemetry::{Context, Handle, Signal};
use wasmtime::component::{GuestTaskId, HasData, Linker};
use wasmtime_wasi::p2::OutputStream;

use self::bindings::wasi::otel as contract;
use crate::instance::State;
use crate::logs::{Output, Stream};
use crate::revision::Revision;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/wasi-otel",
        inline: "
            package stoa:host;
            world wasi-otel {
                import wasi:otel/tracing@0.2.0-rc.2;
                import wasi:otel/metrics@0.2.0-rc.2;
                import wasi:otel/logs@0.2.0-rc.2;
            }
        ",
        world: "stoa:host/wasi-otel",
        imports: { "wasi:otel/tracing.outer-span-context": store | trappable },
    });
}

/// Requests whose place in a trace an instance remembers; the oldest goes first, and stands in a trace of its own from then
/// on. Many more than an instance serves at once, unless its manifest says otherwise.
const PLACES_MAX: usize = 256;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    contract::types::add_to_linker::<_, HasTelemetry>(linker, State::telemetry)?;
    contract::tracing::add_to_linker::<_, HasTelemetry>(linker, State::telemetry)?;
    contract::metrics::add_to_linker::<_, HasTelemetry>(linker, State::telemetry)?;
    contract::logs::add_to_linker::<_, HasTelemetry>(linker, State::telemetry)
}

/// The telemetry of one instance.
pub(crate) struct Telemetry {
    handle: Handle,
    /// Whether the component can ask where it stands.
    asks: bool,
    /// For log records that nobody collects.
    output: Output,
    /// Of the requests that it was given, where they stand. The task is what they are told apart by; an instance that has one
    /// at a time has none.
    places: VecDeque<(Option<GuestTaskId>, Place)>,
}

/// Where a request stands in a trace, if its client says so.
pub(crate) fn told(headers: &HeaderMap) -> Option<Context> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    // A state that is spread over several headers is passed on as far as the first of them.
    Context::parse(text("traceparent")?, text("tracestate"))
}

/// Where a request stands in a trace.
enum Place {
    /// Its client says so.
    Told(Context),
    /// Nobody says: a trace of its own, once somebody asks.
    Open,
}

impl contract::types::Host for Telemetry {}

/// Names [`Telemetry`] for generated bindings.
pub(crate) struct HasTelemetry;

impl HasData for HasTelemetry {
    type Data<'a> = &'a mut Telemetry;
}

impl Telemetry {
    pub(crate) fn new(revision: &Arc<Revision>, instance: u64) -> Self {
        Self {
            handle: revision.granted.telemetry.clone(),
            asks: revision.asks_for_traces,
            output: Output::new(revision, instance, Stream::Stdout),
            places: VecDeque::new(),
        }
    }

    /// A request begins, as this task where the instance has several.
    pub(crate) fn begin(&mut self, task: Option<GuestTaskId>, told: Option<&Context>) {
        if !self.asks {
            return;
        }
        if self.places.len() == PLACES_MAX {
            self.places.pop_front();
        }
        let place = told.map_or(Place::Open, |context| Place::Told(context.clone()));
        self.places.push_back((task, place));
    }

    /// Whether its requests are told apart by tasks.
    fn has_tasks(&self) -> bool {
        self.places.iter().any(|(task, _)| task.is_some())
    }

    /// Where the request stands that this task serves.
    fn place(&mut self, task: Option<GuestTaskId>) -> Context {
        let sampled = self.handle.wants(Signal::Traces);
        let known = self.places.iter_mut().rev();
        let mut known = known.filter(|(known, _)| known.is_none() || *known == task);
        match known.next() {
            Some((_, place)) => place.settled(sampled),
            // What was forgotten, and what an instance does before its first request.
            None => Context::fresh(sampled),
        }
    }

    /// Prints a line as if the guest had, within the same budget.
    fn print(&mut self, line: String) {
        let mut line = line.replace('\n', " ");
        line.push('\n');
        // It takes whatever it is given, or drops it.
        self.output.write(Bytes::from(line)).ok();
    }
}

impl Place {
    fn settled(&mut self, sampled: bool) -> Context {
        match self {
            Self::Told(context) => context.clone(),
            Self::Open => {
                let context = Context::fresh(sampled);
                *self = Self::Told(context.clone());
                context
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_place_that_was_settled_stays() {
        let mut place = Place::Open;
        let settled = place.settled(true);
        assert!(settled.sampled && !settled.remote);
        assert_eq!(place.settled(false), settled);
    }

    #[test]
    fn only_what_a_client_says_in_order_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(told(&headers), None);
        let state = HeaderValue::from_static("a=b");
        headers.insert("tracestate", state);
        headers.insert("traceparent", HeaderValue::from_static("00-1-2-01"));
        assert_eq!(told(&headers), None);
        let parent = "00-4fb34cb4484029f7881399b149e41e98-9ffd58d3cd4dd90b-01";
        headers.insert("traceparent", HeaderValue::from_static(parent));
        let context = told(&headers).expect("it is one");
        assert_eq!(context.state, [("a".to_owned(), "b".to_owned())]);
    }
}
