//! The telemetry of a component: the only form in which one tells of itself.

use std::sync::Arc;

use serde::Serialize;
use stoa_manifest::ComponentId;

use super::describe::{Resource, Scope, json};
use super::{
    Dropped, Exporter, ITEM_BYTES_MAX, ITEMS_PER_SECOND_MAX, Log, Metric, Record, Signal, Span,
};
use crate::metrics::TELEMETRY_ITEMS_TOTAL;
use crate::quota::Rate;

/// What a revision tells, and to whom. Cheap to clone; says whose an item is, bounds and counts them, and never waits. The
/// default tells nobody.
#[derive(Clone, Default)]
pub struct Handle(Option<Arc<Inner>>);

struct Inner {
    exporter: Option<Arc<dyn Exporter>>,
    component: Arc<str>,
    revision: String,
    /// Who tells, where the guest says nothing of itself.
    plain: Arc<str>,
    rate: Rate,
}

/// Who tells and by which library, written out once for all items of a call.
#[derive(Debug, Clone)]
pub struct Origin {
    resource: Arc<str>,
    scope: Arc<str>,
}

impl Origin {
    /// The same who tells, by another library.
    pub fn by(&self, scope: Scope) -> Self {
        Self {
            resource: Arc::clone(&self.resource),
            scope: scope.members(),
        }
    }
}

impl Handle {
    /// What a revision tells an exporter; nothing without one.
    pub fn new(
        component: &ComponentId,
        revision: &str,
        exporter: Option<Arc<dyn Exporter>>,
    ) -> Self {
        let component: Arc<str> = component.as_str().into();
        Self(Some(Arc::new(Inner {
            exporter,
            plain: Resource::default().members(&component, revision),
            component,
            revision: revision.to_owned(),
            rate: Rate::new(Some(ITEMS_PER_SECOND_MAX)),
        })))
    }

    /// Whether such items are sent anywhere: if not, nobody needs to make them.
    pub fn wants(&self, signal: Signal) -> bool {
        let exporter = self.0.as_ref().and_then(|inner| inner.exporter.as_ref());
        exporter.is_some_and(|exporter| exporter.takes(signal))
    }

    /// Says whose the items are that follow. What a guest says of itself stands beside what the host says.
    pub fn origin(&self, resource: Option<Resource>, scope: Scope) -> Origin {
        let resource = match (&self.0, resource) {
            (Some(inner), Some(told)) => told.members(&inner.component, &inner.revision),
            (Some(inner), None) => Arc::clone(&inner.plain),
            (None, _) => "".into(),
        };
        Origin {
            resource,
            scope: scope.members(),
        }
    }

    /// Tells of a span.
    ///
    /// # Errors
    /// Why it is not sent; it is counted.
    pub fn span(&self, origin: &Origin, span: &Span) -> Result<(), Dropped> {
        self.tell(Signal::Traces, origin, span)
    }

    /// Tells of a metric.
    ///
    /// # Errors
    /// Why it is not sent; it is counted.
    pub fn metric(&self, origin: &Origin, metric: &Metric) -> Result<(), Dropped> {
        self.tell(Signal::Metrics, origin, metric)
    }

    /// Tells a log record.
    ///
    /// # Errors
    /// Why it is not sent; it is counted.
    pub fn log(&self, origin: &Origin, log: &Log) -> Result<(), Dropped> {
        self.tell(Signal::Logs, origin, log)
    }

    /// Counts an item of which nothing could be made, or that nobody wants.
    pub fn count(&self, signal: Signal, outcome: Result<(), Dropped>) {
        if let Some(inner) = &self.0 {
            let word = outcome.map_or_else(Dropped::code, |()| "sent");
            metrics::counter!(TELEMETRY_ITEMS_TOTAL, "component" => inner.component.to_string(), "signal" => signal.name(), "outcome" => word)
                .increment(1);
        }
    }

    fn tell(&self, signal: Signal, origin: &Origin, item: &impl Serialize) -> Result<(), Dropped> {
        let outcome = self.told(signal, origin, item);
        self.count(signal, outcome);
        outcome
    }

    fn told(&self, signal: Signal, origin: &Origin, item: &impl Serialize) -> Result<(), Dropped> {
        let inner = self.0.as_ref().ok_or(Dropped::Unwanted)?;
        let exporter = inner.exporter.as_ref();
        let exporter = exporter.filter(|exporter| exporter.takes(signal));
        let exporter = exporter.ok_or(Dropped::Unwanted)?;
        // Before it is written out, which is what costs.
        inner.rate.take().map_err(|_| Dropped::Full)?;
        let record = Record {
            signal,
            component: Arc::clone(&inner.component),
            resource: Arc::clone(&origin.resource),
            scope: Arc::clone(&origin.scope),
            item: json(item),
        };
        match record.bytes() > ITEM_BYTES_MAX {
            true => Err(Dropped::TooLarge),
            false => exporter.export(record),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::telemetry::{Attributes, Value};

    /// Keeps logs, up to so many.
    #[derive(Default)]
    struct Kept {
        room: usize,
        records: Mutex<Vec<Record>>,
    }

    impl Exporter for Kept {
        fn takes(&self, signal: Signal) -> bool {
            signal == Signal::Logs
        }

        fn export(&self, record: Record) -> Result<(), Dropped> {
            let mut records = self.records.lock().expect("keeping does not panic");
            if records.len() == self.room {
                return Err(Dropped::Full);
            }
            records.push(record);
            Ok(())
        }
    }

    fn keeping(room: usize) -> (Arc<Kept>, Handle) {
        let kept = Arc::new(Kept {
            room,
            ..Kept::default()
        });
        let component = ComponentId::new("guest").expect("it is an id");
        let handle = Handle::new(&component, "abc", Some(kept.clone()));
        (kept, handle)
    }

    fn log(texts: usize) -> Log {
        let text = Value::Text("x".repeat(16 * 1024));
        Log {
            time_unix_nano: None,
            observed_time_unix_nano: None,
            severity_number: 9,
            severity_text: String::new(),
            body: Some(Value::List(vec![text; texts])),
            attributes: Attributes::default(),
            dropped_attributes_count: 0,
            flags: 0,
            trace_id: None,
            span_id: None,
            event_name: String::new(),
        }
    }

    fn origin(handle: &Handle) -> Origin {
        handle.origin(None, Scope::default())
    }

    #[test]
    fn what_nobody_collects_is_unwanted() {
        let component = ComponentId::new("guest").expect("it is an id");
        for handle in [Handle::default(), Handle::new(&component, "abc", None)] {
            assert!(!handle.wants(Signal::Logs));
            let outcome = handle.log(&origin(&handle), &log(0));
            assert_eq!(outcome, Err(Dropped::Unwanted));
        }
        let (_, handle) = keeping(1);
        assert!(!handle.wants(Signal::Traces) && handle.wants(Signal::Logs));
    }

    #[test]
    fn what_is_too_large_or_finds_no_room_is_dropped() {
        let (kept, handle) = keeping(1);
        let origin = origin(&handle);
        let large = handle.log(&origin, &log(ITEM_BYTES_MAX / (16 * 1024) + 1));
        assert_eq!(large, Err(Dropped::TooLarge));
        assert_eq!(handle.log(&origin, &log(0)), Ok(()));
        assert_eq!(handle.log(&origin, &log(0)), Err(Dropped::Full));
        assert_eq!(kept.records.lock().expect("it is free").len(), 1);
    }

    #[test]
    fn a_component_that_tells_too_much_in_a_second_is_dropped() {
        let (_, handle) = keeping(usize::MAX);
        let origin = origin(&handle);
        let tell = |_| handle.log(&origin, &log(0));
        let told: Vec<_> = (0..4 * ITEMS_PER_SECOND_MAX).map(tell).collect();
        assert!(told.contains(&Err(Dropped::Full)));
        let sent = told.iter().filter(|outcome| outcome.is_ok()).count() as u64;
        assert!(sent >= ITEMS_PER_SECOND_MAX, "{sent}");
    }

    #[test]
    fn another_library_tells_for_the_same_component() {
        let (kept, handle) = keeping(2);
        let origin = origin(&handle);
        let scope = Scope {
            name: "lib".into(),
            ..Scope::default()
        };
        for origin in [&origin, &origin.by(scope)] {
            handle.log(origin, &log(0)).expect("there is room");
        }
        let records = kept.records.lock().expect("it is free");
        assert_eq!(records[0].resource, records[1].resource);
        assert!(records[1].scope.contains("\"name\":\"lib\""));
    }

    #[test]
    fn an_item_says_whose_it_is() {
        let (kept, handle) = keeping(1);
        handle
            .log(&origin(&handle), &log(0))
            .expect("there is room");
        let records = kept.records.lock().expect("it is free");
        assert_eq!(&*records[0].component, "guest");
        assert!(records[0].resource.contains("\"stringValue\":\"guest\""));
        assert!(records[0].resource.contains("\"stringValue\":\"abc\""));
        assert!(records[0].item.starts_with("{\"severityNumber\":9,"));
    }
}
