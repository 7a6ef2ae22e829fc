//! `wasi:keyvalue@0.2.0-draft2`.

use stoa_capabilities::keyvalue;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::TrappableError;

use self::bindings::wasi::keyvalue::atomics::CasError;
use self::bindings::wasi::keyvalue::store::{self, Error, KeyResponse};
use self::bindings::wasi::keyvalue::{atomics, batch};
use super::{Bucket, delete, last_of_each, set};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/wasi-keyvalue-draft2",
        inline: "
            package stoa:host;
            world wasi-keyvalue {
                import wasi:keyvalue/store@0.2.0-draft2;
                import wasi:keyvalue/atomics@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
            }
        ",
        world: "stoa:host/wasi-keyvalue",
        imports: { default: async | trappable },
        with: {
            "wasi:keyvalue/store.bucket": super::super::Bucket,
            "wasi:keyvalue/atomics.cas": super::Cas,
        },
        trappable_error_type: {
            "wasi:keyvalue/store.error" => super::Failure,
            "wasi:keyvalue/atomics.cas-error" => super::CasFailure,
        },
    });
}

pub(crate) type Failure = TrappableError<Error>;
pub(crate) type CasFailure = TrappableError<CasError>;

/// A key and the version it had when this was made. The value is not kept: a guest may hold many of these.
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub struct Cas {
    handle: keyvalue::Handle,
    key: String,
    seen: Option<keyvalue::Version>,
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    store::add_to_linker::<_, HasHost>(linker, State::host)?;
    atomics::add_to_linker::<_, HasHost>(linker, State::host)?;
    batch::add_to_linker::<_, HasHost>(linker, State::host)
}

impl Host<'_> {
    fn draft2(&self, bucket: &Resource<Bucket>) -> Result<keyvalue::Handle, Failure> {
        self.bucket(bucket).map_err(TrappableError::trap)
    }
}

impl store::Host for Host<'_> {
    async fn open(&mut self, identifier: String) -> Result<Resource<Bucket>, Failure> {
        let handle = self.keyvalue(&identifier).ok_or(Error::AccessDenied)?;
        Ok(self
            .table
            .push(Bucket::new(handle))
            .map_err(|_| Error::Other("too many open resources".into()))?)
    }

    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.downcast()
    }
}

impl store::HostBucket for Host<'_> {
    async fn get(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let value = self.draft2(&bucket)?.get(key).await.map_err(Error::from)?;
        Ok(value.map(|value| value.bytes))
    }

    async fn set(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), Failure> {
        self.draft2(&bucket)?
            .set(key, value)
            .await
            .map_err(Error::from)?;
        Ok(())
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<(), Failure> {
        self.draft2(&bucket)?
            .delete(key)
            .await
            .map_err(Error::from)?;
        Ok(())
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Result<bool, Failure> {
        Ok(self
            .draft2(&bucket)?
            .get(key)
            .await
            .map_err(Error::from)?
            .is_some())
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<String>,
    ) -> Result<KeyResponse, Failure> {
        let page = self
            .draft2(&bucket)?
            .keys(cursor)
            .await
            .map_err(Error::from)?;
        Ok(KeyResponse {
            keys: page.entries.into_iter().map(|entry| entry.key).collect(),
            cursor: page.next,
        })
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for Host<'_> {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: i64,
    ) -> Result<i64, Failure> {
        Ok(self
            .draft2(&bucket)?
            .increment(key, delta)
            .await
            .map_err(Error::from)?)
    }

    async fn swap(&mut self, cas: Resource<Cas>, value: Vec<u8>) -> Result<(), CasFailure> {
        let Cas { handle, key, seen } = self.table.delete(cas).map_err(TrappableError::trap)?;
        let condition = match seen {
            Some(seen) => keyvalue::Condition::Version(seen),
            None => keyvalue::Condition::Absent,
        };
        let change = keyvalue::Change {
            key: key.clone(),
            condition,
            action: keyvalue::Action::Set(value),
        };
        match handle.apply(vec![change]).await {
            Ok(_) => Ok(()),
            Err(keyvalue::Error::Conflict { .. }) => {
                let fresh = Cas::read(handle, key)
                    .await
                    .map_err(|error| CasError::StoreError(error.into()))?;
                Err(
                    CasError::CasFailed(self.table.push(fresh).map_err(TrappableError::trap)?)
                        .into(),
                )
            }
            Err(error) => Err(CasError::StoreError(error.into()).into()),
        }
    }

    fn convert_cas_error(&mut self, failure: CasFailure) -> wasmtime::Result<CasError> {
        failure.downcast()
    }
}

impl Cas {
    async fn read(handle: keyvalue::Handle, key: String) -> Result<Self, keyvalue::Error> {
        let seen = handle.get(key.clone()).await?.map(|value| value.version);
        Ok(Self { handle, key, seen })
    }
}

impl atomics::HostCas for Host<'_> {
    async fn new(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<Resource<Cas>, Failure> {
        let handle = self.draft2(&bucket)?;
        let cas = Cas::read(handle, key).await.map_err(Error::from)?;
        Ok(self
            .table
            .push(cas)
            .map_err(|_| Error::Other("too many open resources".into()))?)
    }

    /// Reads again, and from here on the swap is held against what was read now.
    async fn current(&mut self, cas: Resource<Cas>) -> Result<Option<Vec<u8>>, Failure> {
        let known = self.table.get(&cas).map_err(TrappableError::trap)?;
        let (handle, key) = (known.handle.clone(), known.key.clone());
        let value = handle.get(key).await.map_err(Error::from)?;
        let known = self.table.get_mut(&cas).map_err(TrappableError::trap)?;
        known.seen = value.as_ref().map(|value| value.version);
        Ok(value.map(|value| value.bytes))
    }

    async fn drop(&mut self, cas: Resource<Cas>) -> wasmtime::Result<()> {
        self.table.delete(cas)?;
        Ok(())
    }
}

impl batch::Host for Host<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Vec<(String, Option<Vec<u8>>)>, Failure> {
        // The contract has no empty request as an error; ours has, so it is answered here.
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let values = self
            .draft2(&bucket)?
            .get_many(keys.clone())
            .await
            .map_err(Error::from)?;
        Ok(keys
            .into_iter()
            .zip(values)
            .map(|(key, value)| (key, value.map(|value| value.bytes)))
            .collect())
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        pairs: Vec<(String, Vec<u8>)>,
    ) -> Result<(), Failure> {
        if pairs.is_empty() {
            return Ok(());
        }
        self.draft2(&bucket)?
            .apply(last_of_each(
                pairs.into_iter().map(|(key, value)| set(key, value)),
            ))
            .await
            .map_err(Error::from)?;
        Ok(())
    }

    async fn delete_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<(), Failure> {
        if keys.is_empty() {
            return Ok(());
        }
        self.draft2(&bucket)?
            .apply(last_of_each(keys.into_iter().map(delete)))
            .await
            .map_err(Error::from)?;
        Ok(())
    }
}

impl From<keyvalue::Error> for Error {
    fn from(error: keyvalue::Error) -> Self {
        match error {
            keyvalue::Error::Denied(_) => Self::AccessDenied,
            other => Self::Other(other.to_string()),
        }
    }
}
