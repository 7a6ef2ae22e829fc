//! `spin:postgres@4.0`.

use crate::bindings::fourth::spin::postgres::postgres::RangeBoundKind::{Exclusive, Inclusive};
use crate::bindings::fourth::spin::postgres::postgres::{
    Connection, Error, Interval, ParameterValue, QueryError, RowSet,
};
use crate::version::version;
use probe_kit_02::{Answer, Call};

fn open(call: &Call) -> Result<Connection, Answer> {
    Ok(Connection::open(call.wanted("address")?)?)
}

version!(rich);
probe_kit_sql::errors!(Error of QueryError for Answer);
