//! `spin:mysql@3`, in which nothing blocks.

use std::sync::Arc;

use stoa_capabilities::mysql;
use wasmtime::component::{
    Accessor, FutureReader, Linker, Resource, ResourceTableError, StreamReader,
};
use wasmtime_wasi::TrappableError;

use self::bindings::spin::mysql::mysql::{
    self as contract, Column, DbDataType, DbValue, Error, ParameterValue,
};
use crate::host::rows;
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/spin-mysql",
        inline: "package stoa:host; world spin-mysql { import spin:mysql/mysql@3.0.0; }",
        world: "stoa:host/spin-mysql",
        imports: {
            "spin:mysql/mysql.[drop]connection": trappable,
            default: async | trappable,
        },
        with: { "spin:mysql/mysql.connection": super::Connection },
        trappable_error_type: { "spin:mysql/mysql.error" => super::Failure },
    });
}

pub(crate) type Failure = TrappableError<Error>;

/// What `query` answers: the columns, the rows, and how they ended.
type Answer = (
    Vec<Column>,
    StreamReader<Vec<DbValue>>,
    FutureReader<Result<(), Error>>,
);

/// An open connection.
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Connection(Arc<dyn mysql::Connection>);

super::translations!(Error, Other);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    contract::add_to_linker::<_, HasHost>(linker, State::host)
}

impl contract::Host for Host<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.downcast()
    }
}

fn full(_: ResourceTableError) -> Error {
    Error::ConnectionFailed(super::FULL.into())
}

fn connection<T>(
    accessor: &Accessor<T, HasHost>,
    connection: &Resource<Connection>,
) -> Result<Arc<dyn mysql::Connection>, Failure> {
    accessor.with(|mut host| {
        let host = host.get();
        let connection = host.table.get(connection).map_err(TrappableError::trap)?;
        Ok(Arc::clone(&connection.0))
    })
}

impl contract::HostConnection for Host<'_> {
    fn drop(&mut self, this: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl<T: Send> contract::HostConnectionWithStore<T> for HasHost {
    async fn open(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> Result<Resource<Connection>, Failure> {
        let client = accessor.with(|mut host| host.get().mysql());
        let opened = super::open(client, &address).await;
        let connection = Connection(opened.map_err(Error::from)?);
        accessor.with(|mut host| Ok(host.get().table.push(connection).map_err(full)?))
    }

    async fn query(
        accessor: &Accessor<T, Self>,
        this: Resource<Connection>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<Answer, Failure> {
        let connection = connection(accessor, &this)?;
        let answer = connection.query(&statement, parameters(params)).await;
        let answer = answer.map_err(Error::from)?;
        accessor.with(|mut host| {
            let streamed = rows::stream(&mut host, Rows(answer.rows));
            let (rows, outcome) = streamed.map_err(TrappableError::trap)?;
            Ok((columns(answer.columns), rows, outcome))
        })
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        this: Resource<Connection>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<(), Failure> {
        let connection = connection(accessor, &this)?;
        let executed = connection.execute(&statement, parameters(params)).await;
        Ok(executed.map_err(Error::from)?)
    }
}

/// Rows on their way, in the words of the contract.
struct Rows(Box<dyn mysql::Rows>);

impl rows::Source for Rows {
    type Row = Vec<DbValue>;
    type Error = Error;

    async fn next(&mut self) -> Result<Vec<Vec<DbValue>>, Error> {
        let rows = self.0.next().await?;
        Ok(rows.into_iter().map(row).collect())
    }
}
