//! `wasi:keyvalue@0.2.0-draft`.

use stoa_capabilities::keyvalue;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::TrappableError;

use self::bindings::wasi::keyvalue::store::{self, Error, KeyResponse};
use self::bindings::wasi::keyvalue::{atomics, batch};
use super::{Bucket, delete, set};
use crate::instance::{HasHost, Host, State};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/wasi-keyvalue-draft",
        inline: "
            package stoa:host;
            world wasi-keyvalue {
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft;
                import wasi:keyvalue/batch@0.2.0-draft;
            }
        ",
        world: "stoa:host/wasi-keyvalue",
        imports: { default: async | trappable },
        with: {
            "wasi:keyvalue/store.bucket": super::super::Bucket,
        },
        trappable_error_type: {
            "wasi:keyvalue/store.error" => super::Failure,
        },
    });
}

pub(crate) type Failure = TrappableError<Error>;

/// Pages that a numbered cursor may skip: the cursor counts keys, so every page walks all pages before it.
const PAGES_SKIPPED_MAX: usize = 10_000;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    store::add_to_linker::<_, HasHost>(linker, State::host)?;
    atomics::add_to_linker::<_, HasHost>(linker, State::host)?;
    batch::add_to_linker::<_, HasHost>(linker, State::host)
}

impl Host<'_> {
    fn draft(&self, bucket: &Resource<Bucket>) -> Result<keyvalue::Handle, Failure> {
        self.bucket(bucket).map_err(TrappableError::trap)
    }
}

impl store::Host for Host<'_> {
    async fn open(&mut self, identifier: String) -> Result<Resource<Bucket>, Failure> {
        let handle = self.keyvalue(&identifier).ok_or(Error::NoSuchStore)?;
        Ok(self
            .table
            .push(Bucket(handle))
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
        let value = self.draft(&bucket)?.get(key).await.map_err(Error::from)?;
        Ok(value.map(|value| value.bytes))
    }

    async fn set(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), Failure> {
        self.draft(&bucket)?
            .set(key, value)
            .await
            .map_err(Error::from)?;
        Ok(())
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<(), Failure> {
        self.draft(&bucket)?
            .delete(key)
            .await
            .map_err(Error::from)?;
        Ok(())
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Result<bool, Failure> {
        Ok(self
            .draft(&bucket)?
            .get(key)
            .await
            .map_err(Error::from)?
            .is_some())
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<u64>,
    ) -> Result<KeyResponse, Failure> {
        let handle = self.draft(&bucket)?;
        let skipped = usize::try_from(cursor.unwrap_or(0)).unwrap_or(usize::MAX);
        page(&handle, skipped).await
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

/// The page that starts after `skipped` keys: this draft's cursor is a number, so the pages before it are walked.
async fn page(handle: &keyvalue::Handle, skipped: usize) -> Result<KeyResponse, Failure> {
    let (mut passed, mut after) = (0, None);
    for _ in 0..PAGES_SKIPPED_MAX {
        let page = handle.keys(after).await.map_err(Error::from)?;
        let count = page.entries.len();
        let keys = page.entries.into_iter().map(|entry| entry.key);
        let wanted: Vec<String> = keys.skip(skipped.saturating_sub(passed)).collect();
        passed += count;
        if !wanted.is_empty() || page.next.is_none() {
            let cursor = page.next.map(|_| (skipped + wanted.len()) as u64);
            return Ok(KeyResponse {
                keys: wanted,
                cursor,
            });
        }
        after = page.next;
    }
    Err(Error::Other("the cursor is too far into the store".into()).into())
}

impl atomics::Host for Host<'_> {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: u64,
    ) -> Result<u64, Failure> {
        let too_large = |_| Error::Other("the number does not fit into 63 bits".into());
        let delta = i64::try_from(delta).map_err(too_large)?;
        let sum = self
            .draft(&bucket)?
            .increment(key, delta)
            .await
            .map_err(Error::from)?;
        Ok(u64::try_from(sum).map_err(|_| Error::Other("the sum is negative".into()))?)
    }
}

impl batch::Host for Host<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Vec<Option<(String, Vec<u8>)>>, Failure> {
        // The contract has no empty request as an error; ours has, so it is answered here.
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let values = self
            .draft(&bucket)?
            .get_many(keys.clone())
            .await
            .map_err(Error::from)?;
        Ok(keys
            .into_iter()
            .zip(values)
            .map(|(key, value)| value.map(|value| (key, value.bytes)))
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
        self.draft(&bucket)?
            .apply(
                pairs
                    .into_iter()
                    .map(|(key, value)| set(key, value))
                    .collect(),
            )
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
        self.draft(&bucket)?
            .apply(keys.into_iter().map(delete).collect())
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
