//! Names and passwords for registries, in files as docker and podman keep them: `auths`, by host.
//!
//! Our own file is looked at first; then the one that other tools share. Programs that keep passwords for those tools
//! are not run. No message quotes a file: even a mistake in it may stand in the middle of a password.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stoa_capabilities::variables::Secret;

use crate::file;

/// Bytes of a file with credentials.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The key under which other tools keep what is for Docker Hub.
const DOCKER_KEY: &str = "index.docker.io";
const DOCKER: &str = "docker.io";

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) username: String,
    pub(crate) password: Secret,
}

/// Where credentials are kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// Our own file; none if there is no folder for it.
    pub(crate) own: Option<PathBuf>,
    /// The file of other tools, which is only read.
    pub(crate) shared: Option<PathBuf>,
}

/// What such a file holds. Other tools keep more in theirs, which is not looked at.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(
        default,
        rename = "credHelpers",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    helpers: BTreeMap<String, String>,
    #[serde(
        default,
        rename = "credsStore",
        skip_serializing_if = "Option::is_none"
    )]
    store: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
struct Entry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

// === impl Places ===

impl Places {
    /// What is kept for a registry, if anything is.
    ///
    /// # Errors
    /// What cannot be read or used, without what it holds.
    pub(crate) fn find(&self, host: &str) -> Result<Option<Credentials>, String> {
        for file in [&self.own, &self.shared].into_iter().flatten() {
            let found = read(file)?.find(host);
            let found = found.map_err(|reason| {
                let shown = file.display();
                format!("cannot use the credentials for {host} in `{shown}`: {reason}")
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Keeps what is for a registry in our own file, which only its owner can read. Says where that is.
    pub(crate) fn keep(&self, host: &str, credentials: &Credentials) -> Result<PathBuf, String> {
        let file = self.own.as_deref().ok_or(
            "there is no folder for it: neither `XDG_CONFIG_HOME` nor `HOME` is in the environment",
        )?;
        let mut kept = read(file)?;
        let pair = Secret::new(format!(
            "{}:{}",
            credentials.username,
            credentials.password.expose()
        ));
        let entry = Entry {
            auth: Some(STANDARD.encode(pair.expose())),
            rest: Map::new(),
        };
        kept.auths.insert(host.to_owned(), entry);
        let text = serde_json::to_string_pretty(&kept).expect("it can be written as JSON");
        write(file, &Secret::new(text))
            .map_err(|error| format!("cannot write `{}`: {error}", file.display()))?;
        Ok(file.to_owned())
    }
}

// === impl Kept ===

impl Kept {
    fn find(&self, host: &str) -> Result<Option<Credentials>, &'static str> {
        const HELPER: &str =
            "a program keeps them, and Stoa runs none; `stoa registry login` keeps them in a file";
        let is_for = |key: &str| name(key) == name(host);
        if self.helpers.keys().any(|key| is_for(key)) {
            return Err(HELPER);
        }
        let Some((_, entry)) = self.auths.iter().find(|(key, _)| is_for(key)) else {
            return Ok(None);
        };
        match entry.auth.as_deref().filter(|auth| !auth.is_empty()) {
            Some(auth) => decode(auth).map(Some),
            None if entry.rest.contains_key("identitytoken") => {
                Err("they are an identity token, and Stoa uses passwords only")
            }
            None if self.store.is_some() => Err(HELPER),
            None => Ok(None),
        }
    }
}

// === functions ===

/// The host that a key is for: some have a scheme and a path.
fn name(key: &str) -> &str {
    let host = key
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    match host.split('/').next().unwrap_or_default() {
        DOCKER_KEY => DOCKER,
        host => host,
    }
}

fn decode(auth: &str) -> Result<Credentials, &'static str> {
    const DAMAGED: &str = "they are not name and password in base64";
    let pair = STANDARD.decode(auth.trim()).map_err(|_| DAMAGED)?;
    let pair = Secret::new(String::from_utf8(pair).map_err(|_| DAMAGED)?);
    match pair.expose().split_once(':') {
        // Some tools pad with it.
        Some((username, password)) => Ok(Credentials {
            username: username.to_owned(),
            password: Secret::new(password.trim_end_matches('\0')),
        }),
        None => Err(DAMAGED),
    }
}

/// What a file holds; nothing if it is not there.
fn read(file: &Path) -> Result<Kept, String> {
    let shown = file.display();
    let mut text = String::new();
    let read =
        File::open(file).and_then(|opened| opened.take(FILE_BYTES_MAX).read_to_string(&mut text));
    let text = Secret::new(text);
    match read {
        Ok(_) if text.expose().trim().is_empty() => Ok(Kept::default()),
        Ok(_) => serde_json::from_str(text.expose()).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("`{shown}` is not what keeps credentials: see line {line}, column {column}")
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Kept::default()),
        Err(error) => Err(format!("cannot read `{shown}`: {error}")),
    }
}

/// The folder and the file are for their owner alone.
fn write(path: &Path, text: &Secret) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder)?;
    }
    file::replace(path, text.expose(), 0o600)
}
