//! Reads the files that values are in.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::variables::Problem;

/// A file with values holds at most so many bytes.
pub(super) const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, Problem> {
    let problem = |why: String| Problem::File {
        file: path.display().to_string(),
        why,
    };
    let mut text = String::new();
    // One byte more than allowed, to notice that there are more.
    let read = File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text))
        .map_err(|error| problem(error.to_string()))?;
    match read as u64 > FILE_BYTES_MAX {
        true => Err(problem(format!("it is larger than {FILE_BYTES_MAX} bytes"))),
        false => Ok(text),
    }
}
