//! An application as Spin locks it (`spin.lock`, versions 0 and 1), written as a manifest.
//!
//! What it says is carried over to the letter, and whether that is allowed is decided where manifests are read. What it
//! does not say is not granted. Fields that a manifest has no word for are refused, unless Spin may ignore them too.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use stoa_capabilities::releases::Digest;

use super::toml::{key, quoted, value};
use crate::client::show;

/// The newest version that is read.
const VERSION_MAX: u64 = 1;
/// What an application may ask of its host, and has here; hosts in `allowed_outbound_hosts` are looked at as ever.
const REQUIREMENTS: [&str; 1] = ["local_service_chaining"];
/// What must be understood, and is.
const UNDERSTOOD: [&str; 2] = ["host_requirements", "component_host_requirements"];
/// A host requirement that is none.
const OPTIONAL: &str = "optional";

/// A manifest, and the files that it names.
pub(super) struct Converted {
    pub(super) manifest: String,
    pub(super) files: BTreeMap<String, Digest>,
    /// Files that are in the locked application itself.
    pub(super) inline: BTreeMap<Digest, Bytes>,
}

#[derive(Deserialize)]
struct App {
    spin_lock_version: u64,
    #[serde(default)]
    must_understand: Vec<String>,
    #[serde(default)]
    metadata: Map<String, Value>,
    #[serde(default)]
    host_requirements: Map<String, Value>,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    triggers: Vec<Trigger>,
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Variable {
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    default: Option<String>,
    #[serde(default)]
    secret: bool,
}

#[derive(Deserialize)]
struct Trigger {
    id: String,
    trigger_type: String,
    trigger_config: Map<String, Value>,
    #[serde(default)]
    trigger_dependencies: Map<String, Value>,
}

#[derive(Deserialize)]
struct Component {
    id: String,
    #[serde(default)]
    metadata: Map<String, Value>,
    source: Source,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    files: Vec<Mount>,
    #[serde(default)]
    config: BTreeMap<String, String>,
    #[serde(default)]
    dependencies: Map<String, Value>,
    #[serde(default)]
    trigger_dependencies: Map<String, Value>,
    #[serde(default)]
    host_requirements: Map<String, Value>,
}

#[derive(Deserialize)]
struct Source {
    content_type: String,
    #[serde(default)]
    digest: Option<Digest>,
}

#[derive(Deserialize)]
struct Mount {
    path: String,
    #[serde(default)]
    digest: Option<Digest>,
    /// In base64.
    #[serde(default)]
    inline: Option<String>,
}

/// Lines of a manifest.
#[derive(Default)]
struct Text(String);

/// # Errors
/// Why no manifest says the same, for people.
pub(super) fn convert(text: &[u8]) -> Result<Converted, String> {
    let app: App = serde_json::from_slice(text).map_err(|error| {
        let reason = show::plain(&error.to_string());
        format!("what Spin says of it cannot be read: {reason}")
    })?;
    check(&app)?;
    let mut written = Text::default();
    written.line("spin_manifest_version = 2");
    written.application(&app.metadata)?;
    for (name, variable) in &app.variables {
        written.variable(name, variable);
    }
    for trigger in &app.triggers {
        written.trigger(trigger)?;
    }
    let (mut files, mut inline) = (BTreeMap::new(), BTreeMap::new());
    for component in &app.components {
        let path = format!("components/{}.wasm", component.id);
        files.insert(path.clone(), digest(component)?);
        written.component(component, &path)?;
        for mount in &component.files {
            let path = mount.place(component)?;
            let content = mount.content(component)?;
            if let Content::Inline(digest, bytes) = &content {
                inline.insert(*digest, bytes.clone());
            }
            if files.insert(path, content.digest()).is_some() {
                let path = show::plain(&mount.path);
                return Err(of_component(
                    component,
                    &format!("it has two files `{path}`"),
                ));
            }
        }
    }
    Ok(Converted {
        manifest: written.0,
        files,
        inline,
    })
}

/// Where the files of a component lie in the manifest's folder.
fn folder(component: &Component) -> String {
    format!("files/{}", component.id)
}

fn of_component(component: &Component, reason: &str) -> String {
    format!("component `{}`: {reason}", show::plain(&component.id))
}

fn check(app: &App) -> Result<(), String> {
    if app.spin_lock_version > VERSION_MAX {
        return Err(format!(
            "Spin locked it in version {}, and this version of Stoa reads up to {VERSION_MAX}",
            app.spin_lock_version
        ));
    }
    let unknown = |word: &&String| !UNDERSTOOD.contains(&word.as_str());
    if let Some(word) = app.must_understand.iter().find(unknown) {
        let word = show::plain(word);
        return Err(format!("it must not be run without `{word}`"));
    }
    let of_components = app.components.iter().map(|it| &it.host_requirements);
    for (name, wanted) in std::iter::once(&app.host_requirements)
        .chain(of_components)
        .flatten()
    {
        if wanted != OPTIONAL && !REQUIREMENTS.contains(&name.as_str()) {
            let name = show::plain(name);
            return Err(format!("it asks for `{name}` of its host"));
        }
    }
    let apart =
        |it: &&Component| !(it.dependencies.is_empty() && it.trigger_dependencies.is_empty());
    if let Some(component) = app.components.iter().find(apart) {
        let id = show::plain(&component.id);
        return Err(format!(
            "the dependencies of component `{id}` lie beside it: push it with `spin registry push --compose=true`"
        ));
    }
    let with_middleware = |it: &&Trigger| !it.trigger_dependencies.is_empty();
    match app.triggers.iter().find(with_middleware) {
        Some(trigger) => Err(format!(
            "trigger `{}` has middleware",
            show::plain(&trigger.id)
        )),
        None => Ok(()),
    }
}

fn digest(component: &Component) -> Result<Digest, String> {
    let id = show::plain(&component.id);
    match (
        &component.source.digest,
        component.source.content_type.as_str(),
    ) {
        (Some(digest), "application/wasm") => Ok(*digest),
        (None, _) => Err(format!("no digest says which code component `{id}` has")),
        (Some(_), other) => Err(format!(
            "the code of component `{id}` is `{}`, not `application/wasm`",
            show::plain(other)
        )),
    }
}

/// A text, empty where there is none.
fn text<'m>(metadata: &'m Map<String, Value>, name: &str) -> Result<&'m str, String> {
    match metadata.get(name) {
        None => Ok(""),
        Some(value) => value
            .as_str()
            .ok_or_else(|| format!("its `{name}` is no text")),
    }
}

/// Texts, none where there are none.
fn texts<'m>(metadata: &'m Map<String, Value>, name: &str) -> Result<Vec<&'m str>, String> {
    let Some(value) = metadata.get(name) else {
        return Ok(Vec::new());
    };
    value
        .as_array()
        .and_then(|items| items.iter().map(Value::as_str).collect())
        .ok_or_else(|| format!("its `{name}` is no list of texts"))
}

/// The settings of all triggers of a kind. Older versions of Spin have them for the only kind that there is.
fn settings(metadata: &Map<String, Value>) -> Result<BTreeMap<String, Map<String, Value>>, String> {
    let odd = |name: &str| format!("its `{name}` is no table");
    if let Some(kinds) = metadata.get("triggers") {
        let kinds = kinds.as_object().ok_or_else(|| odd("triggers"))?;
        let table = |(kind, value): (&String, &Value)| {
            let value = value.as_object().ok_or_else(|| odd("triggers"))?;
            Ok::<_, String>((kind.clone(), value.clone()))
        };
        return kinds.iter().map(table).collect();
    }
    let Some(only) = metadata.get("trigger") else {
        return Ok(BTreeMap::new());
    };
    let mut only = only.as_object().ok_or_else(|| odd("trigger"))?.clone();
    match only.remove("type") {
        Some(Value::String(kind)) => Ok(BTreeMap::from([(kind, only)])),
        _ => Err(odd("trigger")),
    }
}

// === impl Mount ===

/// What is in a file.
enum Content {
    Named(Digest),
    Inline(Digest, Bytes),
}

impl Mount {
    /// Its path in the manifest's folder. The path in the guest was written by somebody else: it leads down only.
    fn place(&self, component: &Component) -> Result<String, String> {
        let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
        match self.path.split('/').all(plain) {
            true => Ok(format!("{}/{}", folder(component), self.path)),
            false => {
                let path = show::plain(&self.path);
                let reason = format!("the path `{path}` does not stay below `/`");
                Err(of_component(component, &reason))
            }
        }
    }

    fn content(&self, component: &Component) -> Result<Content, String> {
        let refused = |what: &str| {
            let path = show::plain(&self.path);
            of_component(component, &format!("{what} of the file `{path}`"))
        };
        let Some(inline) = &self.inline else {
            let named = self.digest.map(Content::Named);
            return named.ok_or_else(|| refused("nothing says what is the content"));
        };
        let bytes = STANDARD
            .decode(inline)
            .map_err(|_| refused("nobody can read the content"))?;
        let digest = Digest::of(&bytes);
        match self.digest {
            Some(meant) if meant != digest => Err(refused("the digest is not that")),
            _ => Ok(Content::Inline(digest, bytes.into())),
        }
    }
}

impl Content {
    fn digest(&self) -> Digest {
        match self {
            Self::Named(digest) | Self::Inline(digest, _) => *digest,
        }
    }
}

// === impl Text ===

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn head(&mut self, head: &str) {
        self.line("");
        self.line(head);
    }

    fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.line(&format!("{name} = {}", quoted(text)));
        }
    }

    fn texts(&mut self, name: &str, texts: &[&str]) {
        if !texts.is_empty() {
            let items: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
            self.line(&format!("{name} = [{}]", items.join(", ")));
        }
    }

    fn map(&mut self, name: &str, map: &BTreeMap<String, String>) {
        if !map.is_empty() {
            let entries = map.iter();
            let entries = entries.map(|(name, text)| format!("{} = {}", key(name), quoted(text)));
            let entries: Vec<String> = entries.collect();
            self.line(&format!("{name} = {{ {} }}", entries.join(", ")));
        }
    }

    /// Null stands for nothing said.
    fn entries(&mut self, entries: &Map<String, Value>) -> Result<(), String> {
        for (name, entry) in entries.iter().filter(|(_, entry)| !entry.is_null()) {
            let entry =
                value(entry).map_err(|reason| format!("its `{}`: {reason}", show::plain(name)))?;
            self.line(&format!("{} = {entry}", key(name)));
        }
        Ok(())
    }

    fn application(&mut self, metadata: &Map<String, Value>) -> Result<(), String> {
        self.head("[application]");
        // Where it is missing, the manifest's reader says so.
        self.text("name", text(metadata, "name")?);
        self.text("version", text(metadata, "version")?);
        self.text("description", text(metadata, "description")?);
        self.texts("authors", &texts(metadata, "authors")?);
        for (kind, mut settings) in settings(metadata)? {
            // Where all paths begin anyway.
            if settings.get("base").is_some_and(|base| base == "/") {
                settings.remove("base");
            }
            if !settings.is_empty() {
                self.head(&format!("[application.trigger.{}]", key(&kind)));
                self.entries(&settings)?;
            }
        }
        Ok(())
    }

    fn variable(&mut self, name: &str, variable: &Variable) {
        self.head(&format!("[variables.{}]", key(name)));
        self.text(
            "description",
            variable.description.as_deref().unwrap_or_default(),
        );
        match &variable.default {
            // An empty one is one.
            Some(default) => self.line(&format!("default = {}", quoted(default))),
            None => self.line("required = true"),
        }
        if variable.secret {
            self.line("secret = true");
        }
    }

    fn trigger(&mut self, trigger: &Trigger) -> Result<(), String> {
        self.head(&format!("[[trigger.{}]]", key(&trigger.trigger_type)));
        self.line(&format!("id = {}", quoted(&trigger.id)));
        self.entries(&trigger.trigger_config)
    }

    fn component(&mut self, component: &Component, source: &str) -> Result<(), String> {
        let of_component = |reason: String| of_component(component, &reason);
        self.head(&format!("[component.{}]", key(&component.id)));
        self.line(&format!("source = {}", quoted(source)));
        let description = text(&component.metadata, "description").map_err(of_component)?;
        self.text("description", description);
        for (field, name) in [
            ("allowed_outbound_hosts", "allowed_outbound_hosts"),
            ("allowed_http_hosts", "allowed_http_hosts"),
            ("key_value_stores", "key_value_stores"),
            ("sqlite_databases", "databases"),
            ("ai_models", "ai_models"),
        ] {
            let granted = texts(&component.metadata, name).map_err(of_component)?;
            self.texts(field, &granted);
        }
        self.map("environment", &component.env);
        self.map("variables", &component.config);
        if !component.files.is_empty() {
            let source = quoted(&folder(component));
            self.line(&format!(
                "files = [{{ source = {source}, destination = \"/\" }}]"
            ));
        }
        Ok(())
    }
}
