//! Durable work: outbox relay, bus, subscriptions, event log, replay. Not written yet; the crate holds its place in the
//! allowed edges.
#![forbid(unsafe_code)]
