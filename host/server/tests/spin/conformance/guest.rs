//! The code of applications: the probes of `components/`, some of them changed on the way.

use std::fs;
use std::path::PathBuf;

use stoa_testkit::{probe, repository};

/// A command of WASI preview 1, section by section: it writes the data at 16 to standard output.
const COMMAND: [&[u8]; 9] = [
    b"\0asm\x01\0\0\0",
    // Types: of `fd_write`, and of a function without anything.
    b"\x01\x0c\x02\x60\x04\x7f\x7f\x7f\x7f\x01\x7f\x60\0\0",
    b"\x02\x23\x01\x16wasi_snapshot_preview1\x08fd_write\0\0",
    b"\x03\x02\x01\x01",
    // Memory: one page.
    b"\x05\x03\x01\0\x01",
    b"\x07\x13\x02\x06memory\x02\0\x06_start\0\x01",
    // Code: fd_write(1, 0, 1, 8), and nothing is made of its answer.
    b"\x0a\x0f\x01\x0d\0\x41\x01\x41\0\x41\x01\x41\x08\x10\0\x1a\x0b",
    // Data: at 0, where the text is and its length; at 16, the text.
    b"\x0b\x40\x02\0\x41\0\x0b\x08\x10\0\0\0\x2d\0\0\0\0\x41\x10\x0b\x2d",
    b"content-type: text/plain\n\nhello from a module",
];

/// The file of a guest: the name of a probe, or `command` for a core module. After a space, `FROM>TO` changes every such
/// word in its bytes to another one that is as long: so an import becomes one that nobody provides.
pub(super) fn source(guest: &str) -> PathBuf {
    match guest.split_once(' ') {
        None if guest == "command" => written("command", &COMMAND.concat()),
        None => probe(guest),
        Some((name, change)) => {
            let (from, to) = change.split_once('>').expect("a change is `FROM>TO`");
            let code = fs::read(probe(name)).expect("it was built");
            let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
            let name: String = guest.chars().map(plain).collect();
            written(&name, &changed(code, from.as_bytes(), to.as_bytes()))
        }
    }
}

fn changed(mut code: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "both words are equally long");
    let windows = code.windows(from.len()).enumerate();
    let found: Vec<usize> = windows
        .filter(|(_, bytes)| *bytes == from)
        .map(|(at, _)| at)
        .collect();
    assert!(!found.is_empty(), "the guest does not have the word");
    for at in found {
        code[at..at + to.len()].copy_from_slice(to);
    }
    code
}

/// A file of this test program, whole from the moment it has its name: others may want the same one.
fn written(name: &str, code: &[u8]) -> PathBuf {
    let folder = repository().join("target/conformance");
    fs::create_dir_all(&folder).expect("the folder can be made");
    let path = folder.join(format!("{name}.wasm"));
    let mut aside = tempfile::NamedTempFile::new_in(&folder).expect("a file can be made");
    std::io::Write::write_all(&mut aside, code).expect("it can be written");
    aside.persist(&path).expect("it can be named");
    path
}
