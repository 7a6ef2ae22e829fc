//! The interface of `fermyon:spin@2`.

use crate::bindings::second::fermyon::spin::postgres::{Connection, Error, ParameterValue, RowSet};
use crate::version::version;
use probe_kit_02::{Answer, Call};

fn open(call: &Call) -> Result<Connection, Answer> {
    Ok(Connection::open(call.wanted("address")?)?)
}

version!(unsigned);
probe_kit_sql::errors!(Error for Answer);
