//! Many components that do the same and are not the same: copies of a guest, each with a section of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use crate::host::Host;
use crate::manifest::{self, Mounted};
use crate::stage::Stage;

/// The longest that a first start may take, which compiles them all.
const COLD_MAX: Duration = Duration::from_secs(60 * 60);

/// Some number of components, and where they are served from.
pub(super) struct Copies {
    manifest: PathBuf,
    state: PathBuf,
}

impl Copies {
    /// Writes them, unless another point has: WASI 0.2 and 0.3 in turn.
    pub(super) fn written(stage: &Stage, count: usize) -> anyhow::Result<Self> {
        let folder = stage.folder(&format!("copies-{count}"))?;
        let (manifest, state) = (folder.join("spin.toml"), folder.join("state"));
        if !manifest.is_file() {
            write(stage, &folder, count)?;
        }
        Ok(Self { manifest, state })
    }

    /// Forgets what was compiled.
    pub(super) fn forget(&self) -> anyhow::Result<()> {
        if self.state.exists() {
            fs::remove_dir_all(&self.state)
                .with_context(|| format!("cannot remove `{}`", self.state.display()))?;
        }
        Ok(())
    }

    pub(super) fn serve(&self, stage: &Stage) -> anyhow::Result<Host> {
        let mut command = stage.up_from(&self.manifest, &self.state);
        Host::start(&mut command, COLD_MAX)
    }
}

/// Where a copy answers.
pub(super) fn path(number: usize) -> String {
    format!("/c{number}/")
}

fn write(stage: &Stage, folder: &Path, count: usize) -> anyhow::Result<()> {
    let guests = [stage.probe("hello_02")?, stage.probe("hello_03")?];
    let names: Vec<(String, String)> = (0..count)
        .map(|number| (format!("c{number}"), format!("/c{number}/...")))
        .collect();
    let mut components = Vec::new();
    for (number, (id, route)) in names.iter().enumerate() {
        let guest = &guests[number % guests.len()];
        copy(guest, &folder.join(format!("{id}.wasm")), number)?;
        components.push(Mounted::new(id, route, guest));
    }
    // Last, because it says that all is there.
    manifest::describe(folder, &components)?;
    Ok(())
}

fn copy(guest: &Path, to: &Path, number: usize) -> anyhow::Result<()> {
    let mut wasm = fs::read(guest).with_context(|| format!("cannot read `{}`", guest.display()))?;
    append_section(&mut wasm, "copy", number.to_string().as_bytes());
    fs::write(to, wasm).with_context(|| format!("cannot write `{}`", to.display()))
}

/// Appends a custom section, which changes nothing but the digest. Its form is the same in modules and components.
fn append_section(wasm: &mut Vec<u8>, name: &str, content: &[u8]) {
    let mut section = leb128(name.len());
    section.extend_from_slice(name.as_bytes());
    section.extend_from_slice(content);
    // The id of custom sections.
    wasm.push(0);
    wasm.extend(leb128(section.len()));
    wasm.extend(section);
}

/// A number as WebAssembly writes it: seven bits a byte, the lowest first.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_seven_bits_a_byte() {
        assert_eq!(leb128(0), [0]);
        assert_eq!(leb128(127), [0x7f]);
        assert_eq!(leb128(128), [0x80, 0x01]);
        assert_eq!(leb128(624_485), [0xe5, 0x8e, 0x26]);
    }

    #[test]
    fn a_section_says_how_long_it_and_its_name_are() {
        let mut wasm = vec![1, 2, 3];
        append_section(&mut wasm, "ab", b"17");
        assert_eq!(wasm, [1, 2, 3, 0, 5, 2, b'a', b'b', b'1', b'7']);
    }
}
