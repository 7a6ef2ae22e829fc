//! `stoa:sql`: find the handle, call it outside the store's lock, translate.

mod translate;

use stoa_capabilities::sql::{Handle, OpenCursor, OpenTransaction};
use wasmtime::component::{Accessor, Linker, Resource, ResourceTableError};
use wasmtime_wasi::TrappableError;

use self::bindings::stoa::sql::types::{
    self, Access, Column, Error, Executed, Row, Rows, Statement,
};
use self::bindings::stoa::sql::{
    read, read_async, transactions, transactions_async, write, write_async,
};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/sql",
        inline: "
            package stoa:host;
            world sql {
                import stoa:sql/read@0.1.0;
                import stoa:sql/write@0.1.0;
                import stoa:sql/transactions@0.1.0;
                import stoa:sql/read-async@0.1.0;
                import stoa:sql/write-async@0.1.0;
                import stoa:sql/transactions-async@0.1.0;
            }
        ",
        world: "stoa:host/sql",
        imports: {
            "stoa:sql/types": trappable,
            "stoa:sql/read.open": trappable,
            "stoa:sql/read.[method]cursor.columns": trappable,
            "stoa:sql/read.[drop]cursor": trappable,
            "stoa:sql/write.open": trappable,
            "stoa:sql/transactions.open": trappable,
            "stoa:sql/transactions.[drop]transaction": trappable,
            "stoa:sql/read-async.open": trappable,
            "stoa:sql/read-async.[method]cursor.columns": trappable,
            "stoa:sql/read-async.[drop]cursor": trappable,
            "stoa:sql/write-async.open": trappable,
            "stoa:sql/transactions-async.open": trappable,
            "stoa:sql/transactions-async.[drop]transaction": trappable,
            default: async | trappable,
        },
        with: {
            "stoa:sql/types.database": stoa_capabilities::sql::Handle,
            "stoa:sql/read.cursor": super::Cursor,
            "stoa:sql/read-async.cursor": super::CursorAsync,
            "stoa:sql/transactions.transaction": super::Transaction,
            "stoa:sql/transactions-async.transaction": super::TransactionAsync,
        },
        trappable_error_type: { "stoa:sql/types.error" => super::Failure },
    });
}

/// An error the guest may handle, or a trap: never both.
pub(crate) type Failure = TrappableError<Error>;
type Database = Resource<Handle>;

// The resources of the twins are not the same, so each has a type of its own.

/// A result that is being read by a guest that blocks.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Cursor(OpenCursor);

/// A result that is being read by a guest that serves several requests at once.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct CursorAsync(OpenCursor);

/// An open transaction of a guest that blocks.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Transaction(OpenTransaction);

/// An open transaction of a guest that serves several requests at once.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct TransactionAsync(OpenTransaction);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    types::add_to_linker::<_, HasHost>(linker, State::host)?;
    read::add_to_linker::<_, HasHost>(linker, State::host)?;
    write::add_to_linker::<_, HasHost>(linker, State::host)?;
    transactions::add_to_linker::<_, HasHost>(linker, State::host)
}

pub(super) fn add_async_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    read_async::add_to_linker::<_, HasHost>(linker, State::host)?;
    write_async::add_to_linker::<_, HasHost>(linker, State::host)?;
    transactions_async::add_to_linker::<_, HasHost>(linker, State::host)
}

impl Host<'_> {
    /// The handle granted under `label`; what is not granted does not exist.
    pub(super) fn sql(&self, label: &str) -> Option<Handle> {
        self.granted.sql.get(label).cloned()
    }

    fn open_database(&mut self, label: &str) -> Result<Database, Failure> {
        let handle = self.sql(label).ok_or(Error::NoSuchDatabase)?;
        keep(self, handle)
    }
}

/// What is behind a resource. All of it is cheap to clone: the clone is awaited outside the store's lock.
fn opened<T: Clone + 'static>(host: &Host<'_>, resource: &Resource<T>) -> Result<T, Failure> {
    Ok(host
        .table
        .get(resource)
        .map_err(TrappableError::trap)?
        .clone())
}

fn keep<T: Send + 'static>(host: &mut Host<'_>, opened: T) -> Result<Resource<T>, Failure> {
    Ok(host.table.push(opened).map_err(full)?)
}

/// A guest that never drops what it opens hits its own limit, and is told.
fn full(_: ResourceTableError) -> Error {
    Error::Other(types::Failure {
        code: "table-full".into(),
        message: "this instance holds too many resources, drop some first".into(),
    })
}

impl types::Host for Host<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.downcast()
    }
}

impl types::HostDatabase for Host<'_> {
    fn label(&mut self, database: Database) -> wasmtime::Result<String> {
        Ok(self.table.get(&database)?.label().to_owned())
    }

    fn drop(&mut self, database: Database) -> wasmtime::Result<()> {
        self.table.delete(database)?;
        Ok(())
    }
}

// === for guests that block ===

impl read::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Database, Failure> {
        self.open_database(&label)
    }

    async fn query(&mut self, database: Database, statement: Statement) -> Result<Rows, Failure> {
        query(opened(self, &database)?, statement).await
    }

    async fn query_cursor(
        &mut self,
        database: Database,
        statement: Statement,
    ) -> Result<Resource<Cursor>, Failure> {
        let cursor = cursor(opened(self, &database)?, statement).await?;
        keep(self, Cursor(cursor))
    }
}

impl read::HostCursor for Host<'_> {
    fn columns(&mut self, cursor: Resource<Cursor>) -> wasmtime::Result<Vec<Column>> {
        Ok(columns(&self.table.get(&cursor)?.0))
    }

    async fn next(&mut self, cursor: Resource<Cursor>, max: u32) -> Result<Vec<Row>, Failure> {
        next(opened(self, &cursor)?.0, max).await
    }

    fn drop(&mut self, cursor: Resource<Cursor>) -> wasmtime::Result<()> {
        self.table.delete(cursor)?;
        Ok(())
    }
}

impl write::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Database, Failure> {
        self.open_database(&label)
    }

    async fn execute(
        &mut self,
        database: Database,
        statement: Statement,
    ) -> Result<Executed, Failure> {
        execute(opened(self, &database)?, statement).await
    }

    async fn execute_batch(
        &mut self,
        database: Database,
        statements: Vec<Statement>,
    ) -> Result<Vec<Executed>, Failure> {
        execute_batch(opened(self, &database)?, statements).await
    }
}

impl transactions::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Database, Failure> {
        self.open_database(&label)
    }

    async fn begin(
        &mut self,
        database: Database,
        access: Access,
    ) -> Result<Resource<Transaction>, Failure> {
        let transaction = begin(opened(self, &database)?, access).await?;
        keep(self, Transaction(transaction))
    }
}

impl transactions::HostTransaction for Host<'_> {
    async fn query(
        &mut self,
        transaction: Resource<Transaction>,
        statement: Statement,
    ) -> Result<Rows, Failure> {
        query_within(opened(self, &transaction)?.0, statement).await
    }

    async fn execute(
        &mut self,
        transaction: Resource<Transaction>,
        statement: Statement,
    ) -> Result<Executed, Failure> {
        execute_within(opened(self, &transaction)?.0, statement).await
    }

    async fn commit(&mut self, transaction: Resource<Transaction>) -> Result<(), Failure> {
        commit(opened(self, &transaction)?.0).await
    }

    async fn rollback(&mut self, transaction: Resource<Transaction>) -> Result<(), Failure> {
        rollback(opened(self, &transaction)?.0).await
    }

    fn drop(&mut self, transaction: Resource<Transaction>) -> wasmtime::Result<()> {
        self.table.delete(transaction)?;
        Ok(())
    }
}

// === for guests that serve several requests at once ===
// The handle is cloned inside `with` and awaited outside it: other requests of the instance run meanwhile.

impl read_async::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Database, Failure> {
        self.open_database(&label)
    }
}

impl<T: Send> read_async::HostWithStore<T> for HasHost {
    async fn query(
        accessor: &Accessor<T, Self>,
        database: Database,
        statement: Statement,
    ) -> Result<Rows, Failure> {
        let database = accessor.with(|mut host| opened(&host.get(), &database))?;
        query(database, statement).await
    }

    async fn query_cursor(
        accessor: &Accessor<T, Self>,
        database: Database,
        statement: Statement,
    ) -> Result<Resource<CursorAsync>, Failure> {
        let database = accessor.with(|mut host| opened(&host.get(), &database))?;
        let cursor = cursor(database, statement).await?;
        accessor.with(|mut host| keep(&mut host.get(), CursorAsync(cursor)))
    }
}

impl read_async::HostCursor for Host<'_> {
    fn columns(&mut self, cursor: Resource<CursorAsync>) -> wasmtime::Result<Vec<Column>> {
        Ok(columns(&self.table.get(&cursor)?.0))
    }

    fn drop(&mut self, cursor: Resource<CursorAsync>) -> wasmtime::Result<()> {
        self.table.delete(cursor)?;
        Ok(())
    }
}

impl<T: Send> read_async::HostCursorWithStore<T> for HasHost {
    async fn next(
        accessor: &Accessor<T, Self>,
        cursor: Resource<CursorAsync>,
        max: u32,
    ) -> Result<Vec<Row>, Failure> {
        let cursor = accessor.with(|mut host| opened(&host.get(), &cursor))?;
        next(cursor.0, max).await
    }
}

impl write_async::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Database, Failure> {
        self.open_database(&label)
    }
}

impl<T: Send> write_async::HostWithStore<T> for HasHost {
    async fn execute(
        accessor: &Accessor<T, Self>,
        database: Database,
        statement: Statement,
    ) -> Result<Executed, Failure> {
        let database = accessor.with(|mut host| opened(&host.get(), &database))?;
        execute(database, statement).await
    }

    async fn execute_batch(
        accessor: &Accessor<T, Self>,
        database: Database,
        statements: Vec<Statement>,
    ) -> Result<Vec<Executed>, Failure> {
        let database = accessor.with(|mut host| opened(&host.get(), &database))?;
        execute_batch(database, statements).await
    }
}

impl transactions_async::Host for Host<'_> {
    fn open(&mut self, label: String) -> Result<Database, Failure> {
        self.open_database(&label)
    }
}

impl<T: Send> transactions_async::HostWithStore<T> for HasHost {
    async fn begin(
        accessor: &Accessor<T, Self>,
        database: Database,
        access: Access,
    ) -> Result<Resource<TransactionAsync>, Failure> {
        let database = accessor.with(|mut host| opened(&host.get(), &database))?;
        let transaction = begin(database, access).await?;
        accessor.with(|mut host| keep(&mut host.get(), TransactionAsync(transaction)))
    }
}

impl transactions_async::HostTransaction for Host<'_> {
    fn drop(&mut self, transaction: Resource<TransactionAsync>) -> wasmtime::Result<()> {
        self.table.delete(transaction)?;
        Ok(())
    }
}

impl<T: Send> transactions_async::HostTransactionWithStore<T> for HasHost {
    async fn query(
        accessor: &Accessor<T, Self>,
        transaction: Resource<TransactionAsync>,
        statement: Statement,
    ) -> Result<Rows, Failure> {
        let transaction = accessor.with(|mut host| opened(&host.get(), &transaction))?;
        query_within(transaction.0, statement).await
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        transaction: Resource<TransactionAsync>,
        statement: Statement,
    ) -> Result<Executed, Failure> {
        let transaction = accessor.with(|mut host| opened(&host.get(), &transaction))?;
        execute_within(transaction.0, statement).await
    }

    async fn commit(
        accessor: &Accessor<T, Self>,
        transaction: Resource<TransactionAsync>,
    ) -> Result<(), Failure> {
        let transaction = accessor.with(|mut host| opened(&host.get(), &transaction))?;
        commit(transaction.0).await
    }

    async fn rollback(
        accessor: &Accessor<T, Self>,
        transaction: Resource<TransactionAsync>,
    ) -> Result<(), Failure> {
        let transaction = accessor.with(|mut host| opened(&host.get(), &transaction))?;
        rollback(transaction.0).await
    }
}

// === one body for both twins ===

async fn query(database: Handle, statement: Statement) -> Result<Rows, Failure> {
    let rows = database.query(statement.into()).await;
    Ok(rows.map_err(Error::from)?.into())
}

async fn cursor(database: Handle, statement: Statement) -> Result<OpenCursor, Failure> {
    let cursor = database.cursor(statement.into()).await;
    Ok(cursor.map_err(Error::from)?)
}

fn columns(cursor: &OpenCursor) -> Vec<Column> {
    cursor.columns().iter().cloned().map(Column::from).collect()
}

async fn next(cursor: OpenCursor, max: u32) -> Result<Vec<Row>, Failure> {
    let rows = cursor.next(max as usize).await.map_err(Error::from)?;
    Ok(rows.into_iter().map(translate::row).collect())
}

async fn execute(database: Handle, statement: Statement) -> Result<Executed, Failure> {
    let executed = database.execute(statement.into()).await;
    Ok(executed.map_err(Error::from)?.into())
}

async fn execute_batch(
    database: Handle,
    statements: Vec<Statement>,
) -> Result<Vec<Executed>, Failure> {
    let statements = statements.into_iter().map(Into::into).collect();
    let executed = database.execute_batch(statements).await;
    let executed = executed.map_err(Error::from)?;
    Ok(executed.into_iter().map(Executed::from).collect())
}

async fn begin(database: Handle, access: Access) -> Result<OpenTransaction, Failure> {
    let transaction = database.begin(access.into()).await;
    Ok(transaction.map_err(Error::from)?)
}

async fn query_within(transaction: OpenTransaction, statement: Statement) -> Result<Rows, Failure> {
    let rows = transaction.query(statement.into()).await;
    Ok(rows.map_err(Error::from)?.into())
}

async fn execute_within(
    transaction: OpenTransaction,
    statement: Statement,
) -> Result<Executed, Failure> {
    let executed = transaction.execute(statement.into()).await;
    Ok(executed.map_err(Error::from)?.into())
}

async fn commit(transaction: OpenTransaction) -> Result<(), Failure> {
    Ok(transaction.commit().await.map_err(Error::from)?)
}

async fn rollback(transaction: OpenTransaction) -> Result<(), Failure> {
    Ok(transaction.rollback().await.map_err(Error::from)?)
}
