//! Revisions of a guest without building it again: another word in its data, or a section that nobody runs behind its
//! code.

use std::fs;

use anyhow::{Context, bail, ensure};
use aws_lc_rs::digest::{SHA256, digest};

use crate::stage::Stage;

/// The probes that say which revision of them answers, by the component that each becomes.
pub(super) const PROBES: [(&str, &str); 2] = [("p2", "release-02"), ("p3", "release-03")];
/// What stands in their data where a word belongs.
const MARKER: &[u8; 16] = b"@@release-word@@";
/// The name of the section that makes bytes different and nothing else.
const PADDING: &str = "rebuilt";
/// Where imports that every probe has begin, and what takes their place in a component that no host can link.
const PROVIDED: &[u8] = b"wasi:clocks/";
const MISSING: &[u8; PROVIDED.len()] = b"none:clocks/";

/// What a revision is called in all its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    kind: &'static str,
    number: u64,
}

/// The built probes.
pub(super) struct Guests(Vec<(&'static str, Vec<u8>)>);

// === impl Word ===

impl Word {
    /// A revision that answers every request.
    pub(super) fn steady(number: u64) -> Self {
        Self {
            kind: "release",
            number,
        }
    }

    /// A revision that fails where a request's `draw` is below 20.
    pub(super) fn failing(number: u64) -> Self {
        Self {
            kind: "failing",
            number,
        }
    }

    pub(super) fn text(self) -> String {
        format!("{}-{:08}", self.kind, self.number)
    }
}

// === impl Guests ===

impl Guests {
    pub(super) fn built(stage: &Stage) -> anyhow::Result<Self> {
        let mut guests = Vec::new();
        for (component, probe) in PROBES {
            let file = stage.probe(&probe.replace('-', "_"))?;
            let bytes = fs::read(&file).with_context(|| format!("cannot read {file:?}"))?;
            place(&bytes).with_context(|| format!("the probe {probe}"))?;
            guests.push((component, bytes));
        }
        Ok(Self(guests))
    }

    /// Each component's code with this word.
    pub(super) fn saying(&self, word: Word) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let text = word.text();
        let made = self
            .0
            .iter()
            .map(|(component, bytes)| -> anyhow::Result<_> {
                let mut bytes = bytes.clone();
                let at = place(&bytes)?;
                bytes[at..at + MARKER.len()].copy_from_slice(text.as_bytes());
                Ok((*component, bytes))
            });
        made.collect()
    }
}

// === functions ===

/// Where the word belongs. Twice would mean that a part of the code keeps the old one.
fn place(bytes: &[u8]) -> anyhow::Result<usize> {
    let found: Vec<usize> = places(bytes, MARKER);
    match found.as_slice() {
        [at] => Ok(*at),
        [] => bail!("there is no place for a word in its code"),
        _ => bail!("there are {} places for a word in its code", found.len()),
    }
}

fn places(bytes: &[u8], part: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(part.len()).enumerate();
    windows
        .filter(|(_, window)| *window == part)
        .map(|(at, _)| at)
        .collect()
}

/// The same code as other bytes: a custom section behind it, so that its digest is new, nothing is found compiled, and
/// compiling costs what it did.
pub(super) fn rebuilt(wasm: &[u8], number: u64) -> Vec<u8> {
    let mut contents = vec![PADDING.len() as u8];
    contents.extend_from_slice(PADDING.as_bytes());
    contents.extend_from_slice(&number.to_le_bytes());
    let mut bytes = wasm.to_vec();
    // Id 0 is a custom section; both lengths are below 128 and so one byte in LEB128.
    bytes.extend_from_slice(&[0, contents.len() as u8]);
    bytes.extend_from_slice(&contents);
    bytes
}

/// The same component, importing what nobody provides. Every mention changes, so that it stays a valid one.
pub(super) fn unlinkable(wasm: &[u8]) -> anyhow::Result<Vec<u8>> {
    let found = places(wasm, PROVIDED);
    ensure!(!found.is_empty(), "the probe imports no clock");
    let mut bytes = wasm.to_vec();
    for at in found {
        bytes[at..at + MISSING.len()].copy_from_slice(MISSING);
    }
    Ok(bytes)
}

/// The name of an artifact.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    let hash: &[u8] = digest.as_ref();
    let digits = hash.iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_one_place() {
        let guests = |bytes: &[u8]| Guests(vec![("p3", bytes.to_vec())]);
        let made = guests(b"abc@@release-word@@def").saying(Word::failing(7));
        let made = made.expect("there is a place");
        assert_eq!(made, [("p3", b"abcfailing-00000007def".to_vec())]);
        assert!(guests(b"abcdef").saying(Word::steady(1)).is_err());
        let twice = [&MARKER[..], MARKER].concat();
        assert!(guests(&twice).saying(Word::steady(1)).is_err());
    }

    #[test]
    fn rebuilt_code_is_a_section_longer_and_another_artifact() {
        let (one, two) = (rebuilt(b"code", 1), rebuilt(b"code", 2));
        assert!(one.starts_with(b"code\0\x10\x07rebuilt\x01"));
        assert_eq!(one.len(), 4 + 2 + 0x10);
        assert_ne!(digest_of(&one), digest_of(&two));
    }

    #[test]
    fn every_mention_of_an_import_changes() {
        let wasm = b"wasi:clocks/a wasi:http/b wasi:clocks/c";
        let made = unlinkable(wasm).expect("it imports clocks");
        assert_eq!(made, b"none:clocks/a wasi:http/b none:clocks/c");
        assert!(unlinkable(b"wasi:http/b").is_err());
    }

    #[test]
    fn a_digest_says_what_it_is_of() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest_of(b""), empty);
    }
}
