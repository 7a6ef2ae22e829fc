//! The drivers of outside services (PostgreSQL, MongoDB, Redis, RabbitMQ, S3, Vault): each implements a trait of
//! `stoa-capabilities` and passes its conformance suite. None is written yet; the embedded stores live beside their
//! traits.
#![forbid(unsafe_code)]
