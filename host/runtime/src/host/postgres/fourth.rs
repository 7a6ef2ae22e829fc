//! `spin:postgres@4.2`. Versions 4.0 and 4.1 are a part of it, and components that import those are linked with this one.

mod translate;

use std::sync::Arc;

use stoa_capabilities::postgres::{self, Root};
use wasmtime::component::{
    Accessor, FutureReader, Linker, Resource, ResourceTableError, StreamReader,
};
use wasmtime_wasi::TrappableError;

use self::bindings::spin::postgres::postgres::{
    self as contract, Column, DbValue, Error, ParameterValue, RowSet,
};
use crate::host::rows;
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/spin-postgres",
        inline: "package stoa:host; world spin-postgres { import spin:postgres/postgres@4.2.0; }",
        world: "stoa:host/spin-postgres",
        imports: {
            "spin:postgres/postgres.[constructor]connection-builder": trappable,
            "spin:postgres/postgres.[method]connection-builder.set-ca-root": trappable,
            "spin:postgres/postgres.[drop]connection-builder": trappable,
            "spin:postgres/postgres.[drop]connection": trappable,
            default: async | trappable,
        },
        with: {
            "spin:postgres/postgres.connection": super::Connection,
            "spin:postgres/postgres.connection-builder": super::Builder,
        },
        trappable_error_type: { "spin:postgres/postgres.error" => super::Failure },
    });
}

pub(crate) type Failure = TrappableError<Error>;

/// What `query-async` answers: the columns, the rows, and how they ended.
type Answer = (
    Vec<Column>,
    StreamReader<Vec<DbValue>>,
    FutureReader<Result<(), Error>>,
);

/// An open connection.
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Connection(Arc<dyn postgres::Connection>);

/// A connection that is not open yet.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Builder {
    address: String,
    root: Option<Root>,
}

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

fn keep(
    host: &mut Host<'_>,
    opened: Result<Arc<dyn postgres::Connection>, postgres::Error>,
) -> Result<Resource<Connection>, Failure> {
    let connection = Connection(opened.map_err(Error::from)?);
    Ok(host.table.push(connection).map_err(full)?)
}

fn connection(
    host: &Host<'_>,
    connection: &Resource<Connection>,
) -> Result<Arc<dyn postgres::Connection>, Failure> {
    let connection = host.table.get(connection).map_err(TrappableError::trap)?;
    Ok(Arc::clone(&connection.0))
}

fn builder(host: &Host<'_>, builder: &Resource<Builder>) -> Result<Builder, Failure> {
    let builder = host.table.get(builder).map_err(TrappableError::trap)?;
    Ok(builder.clone())
}

fn parameters(values: Vec<ParameterValue>) -> Vec<postgres::Value> {
    values.into_iter().map(postgres::Value::from).collect()
}

fn columns(columns: Vec<postgres::Column>) -> Vec<Column> {
    columns.into_iter().map(Column::from).collect()
}

fn row(row: postgres::Row) -> Vec<DbValue> {
    row.into_iter().map(DbValue::from).collect()
}

impl contract::HostConnectionBuilder for Host<'_> {
    fn new(&mut self, address: String) -> wasmtime::Result<Resource<Builder>> {
        let builder = Builder {
            address,
            root: None,
        };
        Ok(self.table.push(builder)?)
    }

    fn set_ca_root(&mut self, this: Resource<Builder>, certificate: String) -> Result<(), Failure> {
        let root = Root::from_pem(&certificate).map_err(Error::from)?;
        let builder = self.table.get_mut(&this).map_err(TrappableError::trap)?;
        builder.root = Some(root);
        Ok(())
    }

    async fn build(&mut self, this: Resource<Builder>) -> Result<Resource<Connection>, Failure> {
        let Builder { address, root } = builder(self, &this)?;
        let opened = super::open(self.postgres(), &address, root.as_ref()).await;
        keep(self, opened)
    }

    fn drop(&mut self, this: Resource<Builder>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl<T: Send> contract::HostConnectionBuilderWithStore<T> for HasHost {
    async fn build_async(
        accessor: &Accessor<T, Self>,
        this: Resource<Builder>,
    ) -> Result<Resource<Connection>, Failure> {
        let (client, builder) = accessor.with(|mut host| {
            let host = host.get();
            let builder = builder(&host, &this)?;
            Ok::<_, Failure>((host.postgres(), builder))
        })?;
        let opened = super::open(client, &builder.address, builder.root.as_ref()).await;
        accessor.with(|mut host| keep(&mut host.get(), opened))
    }
}

impl contract::HostConnection for Host<'_> {
    async fn open(&mut self, address: String) -> Result<Resource<Connection>, Failure> {
        let opened = super::open(self.postgres(), &address, None).await;
        keep(self, opened)
    }

    async fn query(
        &mut self,
        this: Resource<Connection>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<RowSet, Failure> {
        let connection = connection(self, &this)?;
        let found = super::query(&*connection, &statement, parameters(params)).await;
        let (found, rows) = found.map_err(Error::from)?;
        Ok(RowSet {
            columns: columns(found),
            rows: rows.into_iter().map(row).collect(),
        })
    }

    async fn execute(
        &mut self,
        this: Resource<Connection>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<u64, Failure> {
        let connection = connection(self, &this)?;
        let executed = connection.execute(&statement, parameters(params)).await;
        Ok(executed.map_err(Error::from)?)
    }

    fn drop(&mut self, this: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl<T: Send> contract::HostConnectionWithStore<T> for HasHost {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> Result<Resource<Connection>, Failure> {
        let client = accessor.with(|mut host| host.get().postgres());
        let opened = super::open(client, &address, None).await;
        accessor.with(|mut host| keep(&mut host.get(), opened))
    }

    async fn query_async(
        accessor: &Accessor<T, Self>,
        this: Resource<Connection>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<Answer, Failure> {
        let connection = accessor.with(|mut host| connection(&host.get(), &this))?;
        let answer = connection.query(&statement, parameters(params)).await;
        let answer = answer.map_err(Error::from)?;
        accessor.with(|mut host| {
            let streamed = rows::stream(&mut host, Rows(answer.rows));
            let (rows, outcome) = streamed.map_err(TrappableError::trap)?;
            Ok((columns(answer.columns), rows, outcome))
        })
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        this: Resource<Connection>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<u64, Failure> {
        let connection = accessor.with(|mut host| connection(&host.get(), &this))?;
        let executed = connection.execute(&statement, parameters(params)).await;
        Ok(executed.map_err(Error::from)?)
    }
}

/// Rows on their way, in the words of the contract.
struct Rows(Box<dyn postgres::Rows>);

impl rows::Source for Rows {
    type Row = Vec<DbValue>;
    type Error = Error;

    async fn next(&mut self) -> Result<Vec<Vec<DbValue>>, Error> {
        let rows = self.0.next().await?;
        Ok(rows.into_iter().map(row).collect())
    }
}
