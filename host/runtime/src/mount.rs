//! Folders of the host that a component finds among its files.

use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use wasmtime_wasi::FsPerms;

/// A folder of the host, and where a component finds it.
#[derive(Clone)]
pub struct Mount {
    /// The folder. It stays as it is for as long as the lease is held.
    pub host: PathBuf,
    /// Where the guest finds it: `/`, or a path below.
    pub guest: String,
    /// Whether the guest may change what is in it.
    pub writable: bool,
    /// Held while instances may look into the folder: a revision holds it to its end.
    pub lease: Arc<dyn Any + Send + Sync>,
}

impl Mount {
    /// What a guest may do there.
    pub(crate) fn permissions(&self) -> FsPerms {
        match self.writable {
            true => FsPerms::ReadWrite,
            false => FsPerms::ReadOnly,
        }
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount")
            .field("host", &self.host)
            .field("guest", &self.guest)
            .field("writable", &self.writable)
            .finish_non_exhaustive()
    }
}
