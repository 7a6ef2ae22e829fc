//! `spin:postgres@4.1`, whose connections are built.

use crate::bindings::built::spin::postgres::postgres::RangeBoundKind::{Exclusive, Inclusive};
use crate::bindings::built::spin::postgres::postgres::{
    Connection, ConnectionBuilder, Error, Interval, ParameterValue, QueryError, RowSet,
};
use crate::version::version;
use probe_kit_02::{Answer, Call};

fn open(call: &Call) -> Result<Connection, Answer> {
    let builder = ConnectionBuilder::new(call.wanted("address")?);
    if let Some(certificate) = call.optional("ca") {
        builder.set_ca_root(certificate)?;
    }
    Ok(builder.build()?)
}

version!(rich);
probe_kit_sql::errors!(Error of QueryError for Answer);
