//! Stores in memory, for a service under test. They keep what the contract promises: names, conditions, whole blobs.
//!
//! Every label names a store, and every test has its own, because a test has a thread of its own.

use super::{CHUNK_BYTES_MAX, Condition, Error, Info, Method, Options, Page, Range};
use crate::clock;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::rc::Rc;

thread_local! {
    static STORES: RefCell<BTreeMap<String, Rc<RefCell<Data>>>> = const { RefCell::new(BTreeMap::new()) };
}

#[derive(Default)]
struct Data {
    /// By container and name.
    blobs: BTreeMap<(String, String), Blob>,
    /// What the next changes are answered with: `None` lets one through.
    answers: VecDeque<Option<Error>>,
}

#[derive(Clone)]
struct Blob {
    info: Info,
    bytes: Rc<Vec<u8>>,
}

/// A store this component was granted.
pub struct Store(Rc<RefCell<Data>>);

/// A container of a store. Whether it was granted shows when it is used.
pub struct Container {
    data: Rc<RefCell<Data>>,
    name: String,
}

/// An open blob. Reads what was there when it was opened, even if the blob is replaced meanwhile.
pub struct Reader {
    blob: Blob,
    next: usize,
    end: usize,
}

/// A blob on its way in. Nobody sees it before [`finish`](Self::finish); dropped before that, it never was.
pub struct Writer {
    data: Rc<RefCell<Data>>,
    container: String,
    name: String,
    options: Options,
    bytes: Vec<u8>,
}

impl Store {
    /// Opens the store that was granted under `label`. Never waits.
    pub fn open(label: &str) -> Result<Self, Error> {
        let data =
            STORES.with_borrow_mut(|stores| Rc::clone(stores.entry(label.to_owned()).or_default()));
        Ok(Self(data))
    }

    /// A container of it. Never waits.
    pub fn container(&self, name: &str) -> Container {
        Container {
            data: Rc::clone(&self.0),
            name: name.to_owned(),
        }
    }

    /// Answers the next change, be it the end of a write or a deletion, with this error.
    pub(crate) fn refuse(&self, error: Error) {
        self.0.borrow_mut().answers.push_back(Some(error));
    }

    /// Lets a change through, before what is refused after this.
    pub(crate) fn allow(&self) {
        self.0.borrow_mut().answers.push_back(None);
    }
}

impl Container {
    /// Opens a blob.
    pub async fn get(&self, name: &str) -> Result<Reader, Error> {
        self.get_part(name, 0, None).await
    }

    /// Opens a part of a blob: from `offset` on, `length` bytes or all there are. What lies beyond the end is left out.
    pub async fn get_part(
        &self,
        name: &str,
        offset: u64,
        length: Option<u64>,
    ) -> Result<Reader, Error> {
        let blob = self.blob(name)?.ok_or_else(|| not_found(name))?;
        let size = blob.bytes.len();
        let bounded = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(size);
        let next = bounded(offset);
        let end = length.map_or(size, |length| bounded(offset.saturating_add(length)));
        Ok(Reader { blob, next, end })
    }

    /// What is known of a blob, if there is one.
    pub async fn head(&self, name: &str) -> Result<Option<Info>, Error> {
        Ok(self.blob(name)?.map(|blob| blob.info))
    }

    /// One page of what is in it.
    pub async fn list(&self, range: Range) -> Result<Page, Error> {
        let limit = usize::try_from(range.limit).unwrap_or(usize::MAX);
        let after = range.after.as_deref().unwrap_or_default();
        let fits = |name: &str| name.starts_with(&range.prefix) && name > after;
        let data = self.data.borrow();
        let mut entries: Vec<Info> = data
            .blobs
            .iter()
            .filter(|((container, name), _)| *container == self.name && fits(name))
            .map(|(_, blob)| blob.info.clone())
            .take(limit + 1)
            .collect();
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries
            .last()
            .filter(|_| more)
            .map(|info| info.name.clone());
        Ok(Page { entries, next })
    }

    /// Begins a blob.
    pub async fn put(&self, name: &str, options: Options) -> Result<Writer, Error> {
        check(&options.condition, self.blob(name)?.as_ref(), name)?;
        Ok(Writer {
            data: Rc::clone(&self.data),
            container: self.name.clone(),
            name: name.to_owned(),
            options,
            bytes: Vec::new(),
        })
    }

    /// Copies a blob within the container, with its content type and metadata.
    pub async fn copy(&self, from: &str, to: &str, condition: Condition) -> Result<Info, Error> {
        let Blob { info, bytes } = self.blob(from)?.ok_or_else(|| not_found(from))?;
        let options = Options {
            content_type: Some(info.content_type),
            metadata: info.metadata,
            size: None,
            condition,
        };
        self.write(to, bytes.to_vec(), options).await
    }

    /// Deletes a blob. Answers whether there was one.
    pub async fn delete(&self, name: &str) -> Result<bool, Error> {
        check_name(name)?;
        let key = (self.name.clone(), name.to_owned());
        let mut data = self.data.borrow_mut();
        data.answer()?;
        Ok(data.blobs.remove(&key).is_some())
    }

    /// A URL by which a client reads or writes the blob by itself for so many seconds. Nobody answers it in memory.
    pub fn url(&self, name: &str, method: Method, seconds: u32) -> Result<String, Error> {
        check_name(name)?;
        let container = &self.name;
        Ok(format!(
            "/memory/{container}/{name}?method={method:?}&seconds={seconds}"
        ))
    }

    fn blob(&self, name: &str) -> Result<Option<Blob>, Error> {
        check_name(name)?;
        let key = (self.name.clone(), name.to_owned());
        Ok(self.data.borrow().blobs.get(&key).cloned())
    }
}

impl Reader {
    /// The blob that is read.
    pub fn info(&self) -> &Info {
        &self.blob.info
    }

    /// How many bytes are still to be read.
    pub fn remaining(&self) -> u64 {
        (self.end - self.next) as u64
    }

    /// The next bytes, at least one and at most [`CHUNK_BYTES_MAX`]; `None` after the last.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let end = self.end.min(self.next + CHUNK_BYTES_MAX);
        let bytes = self.blob.bytes[self.next..end].to_vec();
        self.next = end;
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Writer {
    /// How many bytes were written so far.
    pub fn written(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Appends at most [`CHUNK_BYTES_MAX`].
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        if bytes.len() > CHUNK_BYTES_MAX {
            return Err(Error::TooLarge {
                limit: CHUNK_BYTES_MAX as u64,
            });
        }
        self.bytes.extend(bytes);
        Ok(())
    }

    /// Makes the blob visible, in place of the one that had its name.
    pub async fn finish(self) -> Result<Info, Error> {
        let Self {
            data,
            container,
            name,
            options,
            bytes,
        } = self;
        if options.size.is_some_and(|size| size != bytes.len() as u64) {
            return Err(Error::Invalid(
                "these are not as many bytes as were said".into(),
            ));
        }
        let info = Info {
            name: name.clone(),
            size: bytes.len() as u64,
            content_type: options
                .content_type
                .unwrap_or_else(|| "application/octet-stream".into()),
            etag: hex(&Sha256::digest(&bytes)),
            modified: clock::now().unix_ms(),
            metadata: options.metadata,
        };
        let mut data = data.borrow_mut();
        data.answer()?;
        let key = (container, name.clone());
        check(&options.condition, data.blobs.get(&key), &name)?;
        let bytes = Rc::new(bytes);
        data.blobs.insert(
            key,
            Blob {
                info: info.clone(),
                bytes,
            },
        );
        Ok(info)
    }
}

impl Data {
    /// Whether the next change may happen.
    fn answer(&mut self) -> Result<(), Error> {
        self.answers.pop_front().flatten().map_or(Ok(()), Err)
    }
}

fn check(condition: &Condition, blob: Option<&Blob>, name: &str) -> Result<(), Error> {
    let holds = match condition {
        Condition::Always => true,
        Condition::Absent => blob.is_none(),
        Condition::Etag(etag) => blob.is_some_and(|blob| blob.info.etag == *etag),
    };
    match holds {
        true => Ok(()),
        false => Err(Error::Conflict(name.to_owned())),
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let fits = |segment: &str| !matches!(segment, "" | "." | "..");
    let plain = !name.contains(|letter: char| letter.is_control() || letter == '\\');
    match name.len() <= 1024 && plain && name.split('/').all(fits) {
        true => Ok(()),
        false => Err(Error::Invalid("this is not the name of a blob".into())),
    }
}

fn not_found(name: &str) -> Error {
    Error::NotFound(name.to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes any text");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::block_on;

    fn container() -> Container {
        Store::open("any")
            .expect("every label is granted")
            .container("images")
    }

    fn write(name: &str, bytes: &[u8], options: Options) -> Result<Info, Error> {
        block_on(container().write(name, bytes.to_vec(), options))
    }

    #[test]
    fn refused_when_the_name_leaves_its_place() {
        for name in ["", "..", "a/../b", "/a", "a//b", "a\\b", "a\0"] {
            let refused = write(name, b"1", Options::default());
            assert!(matches!(refused, Err(Error::Invalid(_))), "{name:?}");
        }
    }

    #[test]
    fn refused_when_the_condition_does_not_hold() {
        let absent = || Options::default().when(Condition::Absent);
        let info = write("a", b"1", absent()).expect("there is none yet");
        assert_eq!(write("a", b"2", absent()), Err(Error::Conflict("a".into())));
        let same = Options::default().when(Condition::Etag(info.etag));
        write("a", b"2", same).expect("it is the same blob");
    }

    #[test]
    fn a_refused_change_changes_nothing() {
        let store = Store::open("any").expect("every label is granted");
        write("a", b"1", Options::default()).expect("written");
        store.refuse(Error::Deadline);
        store.allow();
        store.refuse(Error::Unavailable);
        assert_eq!(write("a", b"2", Options::default()), Err(Error::Deadline));
        write("b", b"1", Options::default()).expect("this one is allowed");
        let deleted = block_on(container().delete("a"));
        assert_eq!(deleted, Err(Error::Unavailable));
        let reader = block_on(container().get("a")).expect("it is there");
        assert_eq!(block_on(reader.bytes(1)), Ok(b"1".to_vec()));
    }

    #[test]
    fn a_reader_reads_what_it_opened() {
        write("a", b"old", Options::of_type("text/plain")).expect("written");
        let reader = block_on(container().get("a")).expect("it is there");
        write("a", b"new", Options::default()).expect("written");
        assert_eq!(reader.info().content_type, "text/plain");
        assert_eq!(block_on(reader.bytes(3)), Ok(b"old".to_vec()));
    }

    #[test]
    fn what_is_not_finished_never_was() {
        let mut writer = block_on(container().put("a", Options::default())).expect("it begins");
        block_on(writer.write(b"half".to_vec())).expect("written");
        drop(writer);
        assert_eq!(block_on(container().head("a")), Ok(None));
    }

    #[test]
    fn a_part_beyond_the_end_is_empty() {
        write("a", b"abc", Options::default()).expect("written");
        let part = |offset, length| {
            let reader = block_on(container().get_part("a", offset, length)).expect("it is there");
            block_on(reader.bytes(10)).expect("it is short")
        };
        assert_eq!(part(1, Some(1)), b"b");
        assert_eq!(part(9, None), b"");
    }

    #[test]
    fn a_listing_goes_on_where_the_page_before_ended() {
        for name in ["p/1", "p/2", "q/1"] {
            write(name, b"1", Options::default()).expect("written");
        }
        let first = block_on(container().list(Range::prefix("p/").limit(1))).expect("listed");
        assert_eq!(first.next.as_deref(), Some("p/1"));
        let last = block_on(container().list(Range::prefix("p/").after(first.next)));
        let last = last.expect("listed");
        assert_eq!((last.entries.len(), last.next), (1, None));
    }
}
