//! What is deployed: a manifest and the files it names.

use std::fs;
use std::path::Path;

use stoa_testkit::probe;

/// What stands in the release probes where a revision's word belongs.
const MARKER: &[u8; 16] = b"@@release-word@@";
/// Where imports that every release probe has begin, and what makes them ones that nobody provides.
const PROVIDED: &[u8] = b"wasi:clocks/";
const MISSING: &[u8; PROVIDED.len()] = b"none:clocks/";

/// A release in memory.
#[derive(Debug, Clone)]
pub(crate) struct Release {
    components: Vec<Component>,
    files: Vec<(String, Vec<u8>)>,
}

/// A component of it, whose code lies in a file of its name.
#[derive(Debug, Clone)]
pub(crate) struct Component {
    id: &'static str,
    route: &'static str,
    code: Vec<u8>,
    fields: String,
    policy: String,
    tables: String,
}

// === impl Release ===

impl Release {
    pub(crate) fn of(components: &[Component]) -> Self {
        Self {
            components: components.to_vec(),
            files: Vec::new(),
        }
    }

    /// One component that says which revision it is: `release-00000001`.
    pub(crate) fn number(number: u64) -> Self {
        Self::of(&[saying(&steady(number))])
    }

    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.as_bytes().to_vec()));
        self
    }

    /// Puts it into a folder, in the place of the one before.
    pub(crate) fn write(&self, folder: &Path) {
        for component in &self.components {
            save(folder, &format!("{}.wasm", component.id), &component.code);
        }
        for (path, bytes) in &self.files {
            save(folder, path, bytes);
        }
        save(folder, "spin.toml", self.manifest().as_bytes());
    }

    fn manifest(&self) -> String {
        let head = "spin_manifest_version = 2\n[application]\nname = \"test\"\n".to_owned();
        let tables = self.components.iter().map(Component::table);
        std::iter::once(head).chain(tables).collect()
    }
}

// === impl Component ===

impl Component {
    /// At every path, and without any grant.
    pub(crate) fn new(id: &'static str, code: Vec<u8>) -> Self {
        Self {
            id,
            route: "/...",
            code,
            fields: String::new(),
            policy: String::new(),
            tables: String::new(),
        }
    }

    /// `guest`, from a built probe.
    pub(crate) fn probe(name: &str) -> Self {
        Self::new("guest", built(name))
    }

    pub(crate) fn at(self, route: &'static str) -> Self {
        Self { route, ..self }
    }

    /// Lines of its own table.
    pub(crate) fn fields(self, lines: &str) -> Self {
        Self {
            fields: lines.to_owned(),
            ..self
        }
    }

    /// Lines of its `tool.stoa`.
    pub(crate) fn policy(self, lines: &str) -> Self {
        Self {
            policy: lines.to_owned(),
            ..self
        }
    }

    /// Tables behind its own.
    pub(crate) fn tables(self, tables: &str) -> Self {
        Self {
            tables: tables.to_owned(),
            ..self
        }
    }

    fn table(&self) -> String {
        let Self {
            id,
            route,
            code: _,
            fields,
            policy,
            tables,
        } = self;
        format!(
            "[[trigger.http]]\nroute = \"{route}\"\ncomponent = \"{id}\"\n\
             [component.{id}]\nsource = \"{id}.wasm\"\n{fields}\n\
             [component.{id}.tool.stoa]\nschema = 1\n{policy}\n{tables}\n"
        )
    }
}

// === functions ===

/// The word of a revision that answers every request.
pub(crate) fn steady(number: u64) -> String {
    format!("release-{number:08}")
}

/// The word of a revision that is not well.
pub(crate) fn failing(number: u64) -> String {
    format!("failing-{number:08}")
}

/// `guest`, with this word in all its answers.
pub(crate) fn saying(word: &str) -> Component {
    Component::new("guest", spoken("release-02", word))
}

/// The code of a release probe with a word in it.
pub(crate) fn spoken(name: &str, word: &str) -> Vec<u8> {
    let mut code = built(name);
    let found = places(&code, MARKER);
    assert_eq!(found.len(), 1, "a word has one place in `{name}`");
    let word: &[u8; MARKER.len()] = word.as_bytes().try_into().expect("words are as long");
    code[found[0]..found[0] + MARKER.len()].copy_from_slice(word);
    code
}

/// The same component, importing what nobody provides. Every mention changes, so that it stays a valid one.
pub(crate) fn unlinkable(mut code: Vec<u8>) -> Vec<u8> {
    let found = places(&code, PROVIDED);
    assert!(!found.is_empty(), "it imports no clock");
    for at in found {
        code[at..at + MISSING.len()].copy_from_slice(MISSING);
    }
    code
}

/// Saves as editors do: written aside and renamed, so that nobody meets half a file.
pub(crate) fn save(folder: &Path, name: &str, bytes: &[u8]) {
    let file = folder.join(name);
    let parent = file.parent().expect("a file is in a folder");
    fs::create_dir_all(parent).expect("the folder can be made");
    let aside = folder.join("saving");
    fs::write(&aside, bytes).expect("it can be written");
    fs::rename(&aside, &file).expect("it can be renamed");
}

fn built(name: &str) -> Vec<u8> {
    fs::read(probe(name)).expect("it was built")
}

fn places(bytes: &[u8], part: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(part.len()).enumerate();
    windows
        .filter(|(_, window)| *window == part)
        .map(|(at, _)| at)
        .collect()
}
