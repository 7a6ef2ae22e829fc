//! Drafts that are a final version under another name: the component is made to ask for that version.
//!
//! In semver a draft comes before its version and fits nothing but itself, and a build of a version fits what the version
//! fits. One byte tells them apart: `0.3.0-rc-2026-03-15` becomes `0.3.0+rc-2026-03-15`, in the names of what the
//! component imports and exports and nowhere else. Nothing moves, and the name stays another than that of the final
//! version, so that a component may import both. A draft whose shape differs keeps its name and is linked under it.
//!
//! Also tells what a component imports.

use std::borrow::Cow;

use wasmparser::{Chunk, Parser, Payload};

/// A draft, and which of its interfaces are not those of the version that it became.
struct Draft {
    version: &'static str,
    differing: &'static [&'static str],
}

static DRAFTS: [Draft; 3] = [
    // What Spin 4.0 had, type by type and function by function that of 0.3.0.
    Draft {
        version: "0.3.0-rc-2026-03-15",
        differing: &[],
    },
    Draft {
        version: super::NOVEMBER,
        differing: &["wasi:http/types", "wasi:sockets/tcp", "wasi:sockets/udp"],
    },
    Draft {
        version: super::OCTOBER,
        differing: &[
            "wasi:clocks/monotonic-clock",
            // Nobody provides it, and whoever asks for it should read its own name.
            "wasi:clocks/timezone",
            "wasi:filesystem/types",
            "wasi:http/outgoing-handler",
            "wasi:http/types",
            "wasi:io/poll",
            "wasi:io/streams",
            "wasi:sockets/ip-name-lookup",
            "wasi:sockets/tcp",
            "wasi:sockets/udp",
            "wasi:sockets/udp-create-socket",
        ],
    },
];

/// One of its names, as it is compiled.
pub(crate) fn finalised_name(name: &str) -> Cow<'_, str> {
    let Some(hyphen) = hyphen(name) else {
        return Cow::Borrowed(name);
    };
    let mut name = name.to_owned();
    name.replace_range(hyphen..=hyphen, "+");
    Cow::Owned(name)
}

/// The component as it is compiled. Bytes that are no component are left as they are, for the compiler to refuse.
pub(crate) fn finalised(wasm: &[u8]) -> Cow<'_, [u8]> {
    let places = places(wasm).unwrap_or_default();
    if places.is_empty() {
        return Cow::Borrowed(wasm);
    }
    let mut wasm = wasm.to_vec();
    for place in places {
        wasm[place] = b'+';
    }
    Cow::Owned(wasm)
}

/// Where the names of the component itself have the hyphen that makes them drafts. What is nested in it matches names of
/// its own, and core modules have theirs from their toolchain: both stay as they are.
fn places(wasm: &[u8]) -> wasmparser::Result<Vec<usize>> {
    let mut places = Vec::new();
    each(wasm, |_, name| {
        // The name is a piece of `wasm`.
        let start = name.as_ptr().addr() - wasm.as_ptr().addr();
        places.extend(hyphen(name).map(|hyphen| start + hyphen));
    })?;
    Ok(places)
}

/// The names of what a component imports.
///
/// # Errors
/// If it is none.
pub(crate) fn imported_names(wasm: &[u8]) -> wasmparser::Result<Vec<String>> {
    let mut names = Vec::new();
    each(wasm, |side, name| {
        if let Side::Import = side {
            names.push(name.to_owned());
        }
    })?;
    Ok(names)
}

enum Side {
    Import,
    Export,
}

/// Shows all names of the component itself.
fn each(wasm: &[u8], mut look: impl FnMut(Side, &str)) -> wasmparser::Result<()> {
    let (mut parser, mut rest) = (Parser::new(0), wasm);
    while let Chunk::Parsed { consumed, payload } = parser.parse(rest, true)? {
        rest = &rest[consumed..];
        match payload {
            Payload::ComponentImportSection(imports) => {
                for import in imports {
                    look(Side::Import, import?.name.name);
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports {
                    look(Side::Export, export?.name.name);
                }
            }
            Payload::ModuleSection {
                unchecked_range, ..
            }
            | Payload::ComponentSection {
                unchecked_range, ..
            } => {
                let length = unchecked_range.end - unchecked_range.start;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                rest = rest.get(length..).unwrap_or_default();
            }
            Payload::End(_) => break,
            _ => {}
        }
    }
    Ok(())
}

/// The first hyphen of the version, in the name of an interface that is a final one.
fn hyphen(name: &str) -> Option<usize> {
    let (interface, version) = name.split_once('@')?;
    let draft = DRAFTS.iter().find(|draft| draft.version == version)?;
    let is_final = interface.starts_with("wasi:") && !draft.differing.contains(&interface);
    let hyphen = interface.len() + 1 + version.find('-')?;
    is_final.then_some(hyphen)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAFT: &str = "wasi:http/handler@0.3.0-rc-2026-03-15";
    const FINAL: &str = "wasi:http/handler@0.3.0+rc-2026-03-15";

    fn section(id: u8, content: &[u8]) -> Vec<u8> {
        let mut section = vec![id, u8::try_from(content.len()).expect("it is short")];
        section.extend(content);
        section
    }

    fn name(name: &str) -> Vec<u8> {
        let mut encoded = vec![0, u8::try_from(name.len()).expect("it is short")];
        encoded.extend(name.as_bytes());
        encoded
    }

    /// A component that imports an empty instance by this name and exports it by the other.
    fn component(import: &str, export: &str, more: &[u8]) -> Vec<u8> {
        let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
        wasm.extend(section(7, &[1, 0x42, 0]));
        wasm.extend(more);
        wasm.extend(section(10, &[&[1][..], &name(import), &[5, 0]].concat()));
        wasm.extend(section(11, &[&[1][..], &name(export), &[5, 0, 0]].concat()));
        wasm
    }

    #[test]
    fn imports_and_exports_are_renamed_and_nothing_else_is() {
        // What the text stands in besides: a custom section, and a component inside.
        let custom = section(0, &[&[1, b'n'][..], DRAFT.as_bytes()].concat());
        let nested = section(4, &component(DRAFT, DRAFT, &[]));
        let more = [custom, nested].concat();
        let renamed = finalised(&component(DRAFT, DRAFT, &more)).into_owned();
        assert_eq!(renamed, component(FINAL, FINAL, &more));
    }

    #[test]
    fn what_has_another_shape_keeps_its_name() {
        for kept in [
            "wasi:http/types@0.2.0-rc-2023-10-18",
            "wasi:http/types@0.2.0-rc-2023-11-10",
            "wasi:http/types@0.2.0-rc-2023-12-05",
            "wasi:http/types@0.3.0-rc-2026-01-06",
            "wasi:http/types@0.3.0",
            "acme:http/handler@0.3.0-rc-2026-03-15",
            "run",
        ] {
            let wasm = component(kept, kept, &[]);
            assert!(matches!(finalised(&wasm), Cow::Borrowed(_)), "{kept}");
        }
    }

    #[test]
    fn the_old_handlers_are_that_of_0_2() {
        for date in ["2023-10-18", "2023-11-10"] {
            let draft = format!("wasi:http/incoming-handler@0.2.0-rc-{date}");
            let renamed = format!("wasi:http/incoming-handler@0.2.0+rc-{date}");
            let wasm = component("run", &draft, &[]);
            assert_eq!(*finalised(&wasm), *component("run", &renamed, &[]));
        }
    }

    #[test]
    fn what_is_no_component_is_left_alone() {
        let whole = component(DRAFT, DRAFT, &[]);
        let cut = &whole[..whole.len() - 3];
        for wasm in [&b"\0asm\x01\0\0\0"[..], b"no wasm at all", b"", cut] {
            assert_eq!(*finalised(wasm), *wasm);
        }
    }
}
