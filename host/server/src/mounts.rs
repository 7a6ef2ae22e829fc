//! `files`: what a component can read, from the manifest's folder to the guest's `/`.
//!
//! As in Spin, an entry is a path, a pattern or a placement; patterns are relative to the manifest, and what is hidden is
//! matched like everything else. What an entry means is decided on paths alone (`table`), so that whoever bundles an
//! application and every host that serves it come to the same: the one asks the folder which paths there are (`walk`),
//! the other the release. A host writes the files of a release down once per content (`shelf`), and lends them to
//! revisions. Nothing that lies outside of the application's folder is ever mounted, and neither is a host's own state.

mod glob;
mod path;
mod shelf;
mod table;
#[cfg(test)]
mod tests;
mod walk;

pub(crate) use shelf::{Mounts, Writes};
pub(crate) use table::{Contents, contents, placed};
pub(crate) use walk::find;

/// Files that one component may mount: their names are compared and shown.
pub(crate) const FILES_MAX: usize = 10_000;
/// Bytes of all files that an application mounts: they are in memory while it is made ready. And of those that one
/// component finds, as often as it finds them: they are on the disk.
pub(crate) const FILES_BYTES_MAX: usize = 512 * 1024 * 1024;
