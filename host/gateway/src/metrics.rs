//! Names of what this crate counts. The label `route` is a route's id, never a raw path.

/// Requests by `route` and `status`.
pub(crate) const GATEWAY_REQUESTS_TOTAL: &str = "gateway_requests_total";
/// Connections open now.
pub(crate) const GATEWAY_CONNECTIONS: &str = "gateway_connections";
/// Connections that a limit ended, by `reason`.
pub(crate) const GATEWAY_CONNECTIONS_ENDED_TOTAL: &str = "gateway_connections_ended_total";
/// Accepts that failed, for example for want of file descriptors.
pub(crate) const GATEWAY_ACCEPT_FAILED_TOTAL: &str = "gateway_accept_failed_total";
/// Snapshots that took the place of another.
pub(crate) const GATEWAY_SWAPS_TOTAL: &str = "gateway_swaps_total";
/// Requests of clients by `lane`: `stable` or `candidate`. Copies for a mirrored candidate are not among them.
pub(crate) const GATEWAY_LANE_REQUESTS_TOTAL: &str = "gateway_lane_requests_total";

/// What a test counted. Set as the recorder of the test's own thread, so that tests beside it do not meet.
#[cfg(test)]
pub(crate) mod recorded {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};

    use metrics::{
        Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    };

    /// Counters as they were registered, one for each time.
    #[derive(Default)]
    pub(crate) struct Recorded(Mutex<Vec<(Key, Arc<AtomicU64>)>>);

    impl Recorded {
        /// How often the counter went up under this value of any label.
        pub(crate) fn count(&self, name: &str, value: &str) -> u64 {
            let meant = |key: &Key| key.labels().any(|label| label.value() == value);
            self.sum(|key| key.name() == name && meant(key))
        }

        /// How often the counter went up under all labels.
        pub(crate) fn total(&self, name: &str) -> u64 {
            self.sum(|key| key.name() == name)
        }

        fn sum(&self, meant: impl Fn(&Key) -> bool) -> u64 {
            let counters = self.0.lock().expect("no test panics under this lock");
            let found = counters.iter().filter(|(key, _)| meant(key));
            found.map(|(_, count)| count.load(Ordering::Acquire)).sum()
        }
    }

    impl Recorder for Recorded {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            let counter = Arc::new(AtomicU64::new(0));
            let mut counters = self.0.lock().expect("no test panics under this lock");
            counters.push((key.clone(), Arc::clone(&counter)));
            Counter::from_arc(counter)
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }
}
