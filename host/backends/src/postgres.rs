//! PostgreSQL for guests: a pool of connections per revision, over sockets that the network allows.

mod address;
mod calendar;
mod column;
mod connect;
mod failure;
mod frames;
mod kept;
mod numeric;
mod parameter;
mod rows;
mod session;

use std::sync::Arc;

use async_trait::async_trait;
use stoa_capabilities::network::Network;
use stoa_capabilities::postgres::{self, Answer, Column, Config, Error, Root, Value};
use stoa_capabilities::releases::Digest;
use tokio::sync::Semaphore;

use self::address::Address;
use self::connect::Connector;
use self::parameter::Parameter;
use self::rows::Rows;
use self::session::Session;
use crate::pool::{self, Full, Lent, Pool};

/// Speaks to PostgreSQL.
pub struct Driver {
    result_bytes_max: usize,
    places: Option<Arc<Semaphore>>,
}

impl Driver {
    /// A driver whose connections are held to this.
    pub fn new(config: &Config) -> Self {
        Self {
            result_bytes_max: config.result_bytes_max,
            places: pool::places(config.connections_max),
        }
    }
}

impl postgres::Driver for Driver {
    fn client(&self, network: Network) -> Arc<dyn postgres::Client> {
        Arc::new(Client {
            network,
            pool: Pool::new(self.places.clone()),
            result_bytes_max: self.result_bytes_max,
        })
    }
}

struct Client {
    network: Network,
    pool: Arc<Pool<Session>>,
    result_bytes_max: usize,
}

#[async_trait]
impl postgres::Client for Client {
    async fn open(
        &self,
        address: &str,
        root: Option<&Root>,
    ) -> Result<Arc<dyn postgres::Connection>, Error> {
        let key = key(address, root);
        let address = Address::parse(address)?;
        address.check(&self.network)?;
        let connector = Connector {
            network: &self.network,
            root,
            result_bytes_max: self.result_bytes_max,
        };
        // Boxed, because a login is large and most calls find a connection.
        let connecting = Box::pin(connector.connect(&address));
        let lent = self.pool.take(key, connecting).await?;
        Ok(Arc::new(Connection(Arc::new(lent))))
    }
}

/// What connections are kept under. Who trusts other certificates gets another one.
fn key(address: &str, root: Option<&Root>) -> Digest {
    let root = root.map(|root| root.digest().to_string());
    let root = root.unwrap_or_default();
    // The length keeps the two apart.
    Digest::of(format!("{} {root}{address}", root.len()).as_bytes())
}

impl From<Full> for Error {
    fn from(_: Full) -> Self {
        Self::ConnectionFailed("too many connections".into())
    }
}

struct Connection(Arc<Lent<Session>>);

#[async_trait]
impl postgres::Connection for Connection {
    async fn query(&self, statement: &str, parameters: Vec<Value>) -> Result<Answer, Error> {
        let parameters = well_formed(parameters)?;
        let session = self.0.session();
        let turn = session.turn().await;
        let call = Call::new(&self.0);
        let queried = async {
            let statement = session.prepare(statement, &turn).await?;
            let columns: Vec<Column> = statement.columns().iter().map(described).collect();
            let rows = session.client.query_raw(&statement, parameters).await?;
            Ok::<_, tokio_postgres::Error>((columns, rows))
        };
        let queried = queried.await;
        call.done();
        let (columns, rows) = queried.map_err(|error| session.failed(&error))?;
        Ok(Answer {
            columns,
            rows: Box::new(Rows::new(Arc::clone(&self.0), rows)),
        })
    }

    async fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<u64, Error> {
        let parameters = well_formed(parameters)?;
        let session = self.0.session();
        let turn = session.turn().await;
        let call = Call::new(&self.0);
        let executed = async {
            let statement = session.prepare(statement, &turn).await?;
            session.client.execute_raw(&statement, parameters).await
        };
        let executed = executed.await;
        call.done();
        executed.map_err(|error| session.failed(&error))
    }
}

fn well_formed(parameters: Vec<Value>) -> Result<Vec<Parameter>, Error> {
    parameters.into_iter().map(Parameter::new).collect()
}

fn described(column: &tokio_postgres::Column) -> Column {
    Column {
        name: column.name().to_owned(),
        data_type: column::data_type(column.type_()),
    }
}

/// A call under way. One that is dropped midway spoils its connection.
struct Call<'a>(Option<&'a Lent<Session>>);

impl<'a> Call<'a> {
    fn new(lent: &'a Lent<Session>) -> Self {
        Self(Some(lent))
    }

    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(lent) = self.0 {
            lent.spoil();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_apart_and_not_shown() {
        let key = |address| key(address, None);
        let address = "postgres://root:hunter2@127.0.0.1/test";
        assert_eq!(key(address), key(address));
        assert_ne!(key(address), key("postgres://root:hunter3@127.0.0.1/test"));
        assert!(!key(address).to_string().contains("hunter2"));
    }
}
