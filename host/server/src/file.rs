//! Files that are replaced as a whole.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Written beside and renamed: whoever reads it reads all of it, and a process that is killed meanwhile leaves no half of
/// it. Nothing is written through a link that stands in the way.
pub(crate) fn replace(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut started = file.as_os_str().to_owned();
    started.push(".new");
    match fs::remove_file(&started) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&started)?;
    opened.write_all(text.as_bytes())?;
    opened.sync_all()?;
    fs::rename(&started, file)
}
