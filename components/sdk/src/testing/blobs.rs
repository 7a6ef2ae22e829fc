//! Blob stores in memory: failures.

use crate::blobs::{Error, Store};

/// A blob store, from outside the service.
pub struct Blobs(Store);

/// The blob store of this label. It has every container.
///
/// ```
/// use stoa_sdk::blobs::{Error, Options, Store};
/// use stoa_sdk::testing::{blobs, block_on};
///
/// blobs("media").allow(1).refuse(Error::Unavailable);
/// let images = Store::open("media")?.container("images");
/// let write = |name| block_on(images.write(name, b"png".to_vec(), Options::default()));
/// assert!(write("a").is_ok());
/// assert_eq!(write("b"), Err(Error::Unavailable));
/// # Ok::<(), Error>(())
/// ```
pub fn blobs(label: &str) -> Blobs {
    Blobs(Store::open(label).expect("in memory every label is granted"))
}

impl Blobs {
    /// Answers the next change, be it the end of a write or a deletion, with an error. Several queue up.
    pub fn refuse(&self, error: Error) -> &Self {
        self.0.refuse(error);
        self
    }

    /// Lets so many changes through before what is refused after this.
    pub fn allow(&self, changes: usize) -> &Self {
        (0..changes).for_each(|_| self.0.allow());
        self
    }
}
