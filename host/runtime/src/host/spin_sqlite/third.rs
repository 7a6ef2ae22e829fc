//! `spin:sqlite@3.1`. Version 3.0 is a part of it, and components that import that one are linked with this one.

mod rows;
mod unread;

use stoa_capabilities::sql;
use stoa_manifest::ComponentId;
use wasmtime::component::{
    Access, Accessor, FutureReader, Linker, Resource, ResourceTableError, StreamReader,
};
use wasmtime_wasi::TrappableError;

use self::bindings::spin::sqlite::sqlite::{self, Error, QueryResult, RowResult, Value};
use super::Session;
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/spin-sqlite",
        inline: "package stoa:host; world spin-sqlite { import spin:sqlite/sqlite@3.1.0; }",
        world: "stoa:host/spin-sqlite",
        imports: {
            "spin:sqlite/sqlite.[static]connection.open": trappable,
            "spin:sqlite/sqlite.[method]connection.last-insert-rowid": trappable,
            "spin:sqlite/sqlite.[method]connection.changes": trappable,
            "spin:sqlite/sqlite.[drop]connection": trappable,
            default: async | trappable,
        },
        with: { "spin:sqlite/sqlite.connection": super::Connection },
        trappable_error_type: { "spin:sqlite/sqlite.error" => super::Failure },
    });
}

pub(crate) type Failure = TrappableError<Error>;

/// What `execute-async` answers: the names of the columns, the rows, and how they ended.
type Answer = (
    Vec<String>,
    StreamReader<RowResult>,
    FutureReader<Result<(), Error>>,
);

/// An open connection.
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Connection(Session);

super::translations!();

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    sqlite::add_to_linker::<_, HasHost>(linker, State::host)
}

impl sqlite::Host for Host<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.downcast()
    }
}

fn open(host: &mut Host<'_>, label: &str) -> Result<Resource<Connection>, Failure> {
    // Spin tells "not listed in the manifest" from "no such database"; here only what is listed exists.
    let handle = host.sql(label).ok_or(Error::AccessDenied)?;
    let connection = Connection(Session::new(handle));
    Ok(host.table.push(connection).map_err(full)?)
}

fn handle(host: &Host<'_>, connection: &Resource<Connection>) -> Result<sql::Handle, Failure> {
    let connection = host.table.get(connection).map_err(TrappableError::trap)?;
    Ok(connection.0.handle.clone())
}

fn remember(
    host: &mut Host<'_>,
    connection: &Resource<Connection>,
    executed: &sql::Executed,
) -> Result<(), Failure> {
    let connection = host
        .table
        .get_mut(connection)
        .map_err(TrappableError::trap)?;
    connection.0.remember(executed);
    Ok(())
}

impl sqlite::HostConnection for Host<'_> {
    fn open(&mut self, database: String) -> Result<Resource<Connection>, Failure> {
        open(self, &database)
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        values: Vec<Value>,
    ) -> Result<QueryResult, Failure> {
        let handle = handle(self, &connection)?;
        let executed = super::execute(handle, statement, parameters(values)).await;
        let executed = executed.map_err(Error::from)?;
        remember(self, &connection, &executed)?;
        Ok(executed.returned.into())
    }

    fn last_insert_rowid(&mut self, connection: Resource<Connection>) -> wasmtime::Result<i64> {
        Ok(self.table.get(&connection)?.0.last_insert_rowid)
    }

    fn changes(&mut self, connection: Resource<Connection>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&connection)?.0.changes)
    }

    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

impl<T: Send> sqlite::HostConnectionWithStore<T> for HasHost {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        database: String,
    ) -> Result<Resource<Connection>, Failure> {
        accessor.with(|mut host| open(&mut host.get(), &database))
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        values: Vec<Value>,
    ) -> Result<Answer, Failure> {
        let handle = accessor.with(|mut host| handle(&host.get(), &connection))?;
        let component = handle.component().clone();
        let executed = super::execute(handle, statement, parameters(values)).await;
        let executed = executed.map_err(Error::from)?;
        accessor.with(|mut host| {
            remember(&mut host.get(), &connection, &executed)?;
            answer(&mut host, &component, executed.returned.into())
        })
    }

    async fn last_insert_rowid_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<i64> {
        accessor.with(|mut host| Ok(host.get().table.get(&connection)?.0.last_insert_rowid))
    }

    async fn changes_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<u64> {
        accessor.with(|mut host| Ok(host.get().table.get(&connection)?.0.changes))
    }
}

/// A result as a stream. It is whole: that a statement reads, and could have a cursor, shows only when it has run.
fn answer<T>(
    host: &mut Access<'_, T, HasHost>,
    component: &ComponentId,
    result: QueryResult,
) -> Result<Answer, Failure> {
    let (rows, outcome) = rows::of(host, component, result.rows)?;
    Ok((result.columns, rows, outcome))
}
