//! `spin:postgres@3.0`.

use crate::bindings::third::spin::postgres::postgres::{Connection, Error, ParameterValue, RowSet};
use crate::version::version;
use probe_kit_02::{Answer, Call};

fn open(call: &Call) -> Result<Connection, Answer> {
    Ok(Connection::open(call.wanted("address")?)?)
}

version!(times);
probe_kit_sql::errors!(Error for Answer);
