//! What starts components besides requests of HTTP; one module per kind.

pub(crate) mod redis;
