//! `wasi:keyvalue@0.2.0-draft`.

use stoa_capabilities::keyvalue;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::TrappableError;

use self::bindings::wasi::keyvalue::store::{self, Error, KeyResponse};
use self::bindings::wasi::keyvalue::{atomics, batch};
use super::{Bucket, delete, last_of_each, set};
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

/// Where a page of keys ended, by the cursor that was given out for what follows and by its last key.
pub(super) struct Ended {
    cursor: u64,
    key: String,
}

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
        let cursor = cursor.unwrap_or(0);
        let open = self.table.get(&bucket).map_err(TrappableError::trap)?;
        let (handle, after) = (open.handle.clone(), known(open.ended.as_ref(), cursor));
        let page = page(&handle, cursor, after).await.map_err(Error::from)?;
        let (response, ended) = answered(page, cursor);
        let open = self.table.get_mut(&bucket).map_err(TrappableError::trap)?;
        open.ended = ended;
        Ok(response)
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

/// The key that a cursor stands for, if it is the one that was given out last.
fn known(ended: Option<&Ended>, cursor: u64) -> Option<String> {
    let ended = ended.filter(|ended| ended.cursor == cursor)?;
    Some(ended.key.clone())
}

/// The page that a cursor leads to. By its key where that is known: a count of keys is wrong as soon as one of them was
/// deleted, and finding its place walks all pages before it.
async fn page(
    handle: &keyvalue::Handle,
    cursor: u64,
    after: Option<String>,
) -> Result<keyvalue::Page, keyvalue::Error> {
    if after.is_some() {
        return handle.keys(after).await;
    }
    let limit = handle.deadline();
    // One deadline for the whole walk: each of its pages has the same for itself.
    tokio::time::timeout(limit, walked(handle, cursor))
        .await
        .unwrap_or(Err(keyvalue::Error::Deadline { limit }))
}

/// What comes after as many keys.
async fn walked(
    handle: &keyvalue::Handle,
    mut skipped: u64,
) -> Result<keyvalue::Page, keyvalue::Error> {
    let mut after = None;
    loop {
        let mut page = handle.keys(after).await?;
        let passed = skipped.min(page.entries.len() as u64);
        page.entries.drain(..passed as usize);
        skipped -= passed;
        if !page.entries.is_empty() || page.next.is_none() {
            return Ok(page);
        }
        after = page.next;
    }
}

/// A page as this draft has it, and where it ended.
fn answered(page: keyvalue::Page, cursor: u64) -> (KeyResponse, Option<Ended>) {
    let keys: Vec<_> = page.entries.into_iter().map(|entry| entry.key).collect();
    let ended = page.next.map(|key| Ended {
        cursor: cursor + keys.len() as u64,
        key,
    });
    let cursor = ended.as_ref().map(|ended| ended.cursor);
    (KeyResponse { keys, cursor }, ended)
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
        Ok(shown(sum))
    }
}

/// The sum as this draft has numbers. Below zero it can only be where another contract went; the nearest number is 0.
/// An error would say that nothing was added, and the guest would add again.
fn shown(sum: i64) -> u64 {
    u64::try_from(sum).unwrap_or(0)
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
        self.draft(&bucket)?
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

#[cfg(test)]
mod tests {
    use stoa_capabilities::keyvalue::{Handle, KEYS_PER_CALL_MAX, embedded::Embedded};
    use stoa_capabilities::{Bounds, Durability, Holder};
    use stoa_manifest::grants::keyvalue::Grant;
    use stoa_manifest::{ComponentId, Label};

    use super::*;

    /// A store with so many keys, in a file that goes with the folder.
    async fn filled(count: usize) -> (tempfile::TempDir, Handle) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = Embedded::open(&folder.path().join("store.db"), Durability::Process)
            .expect("the store opens");
        let holder = Holder {
            component: ComponentId::new("guest").expect("it is an id"),
            revision: "1".into(),
            label: Label::new("default").expect("it is a label"),
        };
        let handle = Handle::new(store, Grant::default(), holder, Bounds::default());
        let keys: Vec<_> = (0..count).map(|number| format!("k{number:05}")).collect();
        for keys in keys.chunks(KEYS_PER_CALL_MAX) {
            let changes = keys.iter().map(|key| set(key.clone(), Vec::new()));
            handle.apply(changes.collect()).await.expect("they are set");
        }
        (folder, handle)
    }

    /// What a bucket with this memory answers, and what it remembers then.
    async fn listed(
        handle: &Handle,
        ended: Option<&Ended>,
        cursor: Option<u64>,
    ) -> (KeyResponse, Option<Ended>) {
        let cursor = cursor.unwrap_or(0);
        let page = page(handle, cursor, known(ended, cursor)).await;
        answered(page.expect("the store can be listed"), cursor)
    }

    #[tokio::test]
    async fn keys_that_are_deleted_between_pages_hide_no_others() {
        let (_folder, handle) = filled(KEYS_PER_CALL_MAX + 500).await;
        let (first, ended) = listed(&handle, None, None).await;
        assert_eq!(first.cursor, Some(KEYS_PER_CALL_MAX as u64));
        let deleted = first.keys.into_iter().map(delete).collect();
        handle.apply(deleted).await.expect("they are deleted");
        let (second, ended) = listed(&handle, ended.as_ref(), first.cursor).await;
        assert_eq!((second.keys.len(), second.cursor), (500, None));
        assert!(ended.is_none());
    }

    #[tokio::test]
    async fn another_cursor_counts_keys() {
        let (_folder, handle) = filled(KEYS_PER_CALL_MAX + 500).await;
        let (_, ended) = listed(&handle, None, None).await;
        for (cursor, first) in [(0, "k00000"), (7, "k00007"), (1200, "k01200")] {
            let (page, _) = listed(&handle, ended.as_ref(), Some(cursor)).await;
            assert_eq!(page.keys.first().map(String::as_str), Some(first));
        }
        let (beyond, _) = listed(&handle, ended.as_ref(), Some(u64::MAX)).await;
        assert_eq!((beyond.keys.len(), beyond.cursor), (0, None));
    }

    #[test]
    fn a_sum_below_zero_is_no_error() {
        assert_eq!(shown(-5), 0);
        assert_eq!(shown(i64::MAX), i64::MAX.cast_unsigned());
    }
}
