//! What an image is made of: its manifest (OCI image specification 1.1) and media types.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::json;
use stoa_capabilities::releases::Digest;

use super::archive;
use super::lock::Lock;
use crate::admin::messages::Bundle;
use crate::bundle::Files;
use crate::client::show;

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const MANIFEST_DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// What is asked for. An index is, so that it can be told from an image that is not there.
pub(super) const MANIFEST_TYPES: &str = "application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Our own: a bundle as the admin API takes it.
pub(super) const BUNDLE: &str = "application/vnd.stoa.bundle.v1+json";
/// An application as Spin locks it: a layer, and in images of Spin 2 and before the configuration.
const LOCKED: &str = "application/vnd.fermyon.spin.application.v1+config";
const WASM: &str = "application/vnd.wasm.content.layer.v1+wasm";
const DATA: &str = "application/vnd.wasm.content.layer.v1+data";
/// Files in an archive.
const ARCHIVE: &str = "application/vnd.wasm.content.bundle.v1.tar+gzip";
/// So many files have a layer each; some registries take 500 in all. If there are more, those that are no code are
/// packed into one.
const FILES_APART_MAX: usize = 400;
/// A single component, as packages are pushed.
const PACKAGE: &str = "application/wasm";
/// How code begins.
const WASM_MAGIC: &[u8] = b"\0asm";
/// The annotation that says what a layer is called.
const TITLE: &str = "org.opencontainers.image.title";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) media_type: Option<String>,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

/// What tells the kinds of manifests apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    manifests: Option<IgnoredAny>,
}

// === impl Manifest ===

impl Manifest {
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let unreadable = |error: serde_json::Error| {
            let reason = show::plain(&error.to_string());
            format!("its manifest cannot be read: {reason}")
        };
        let kind: Kind = serde_json::from_slice(text).map_err(unreadable)?;
        if kind.manifests.is_some() {
            return Err(
                "it is an index of several images: name one of them by its digest".to_owned(),
            );
        }
        match kind.media_type.as_deref() {
            None | Some(MANIFEST | MANIFEST_DOCKER) => {}
            Some(other) => {
                let other = show::plain(other);
                return Err(format!("it is no image, but `{other}`"));
            }
        }
        let manifest: Self = serde_json::from_slice(text).map_err(unreadable)?;
        match manifest.schema_version {
            2 => Ok(manifest),
            other => Err(format!("its manifest has version {other}, not 2")),
        }
    }

    pub(super) fn to_bytes(&self) -> Bytes {
        let text = serde_json::to_vec(self).expect("a manifest can be written as JSON");
        text.into()
    }

    /// The layer of this type, if there is one.
    pub(super) fn only(&self, media_type: &str) -> Result<Option<&Descriptor>, String> {
        let mut layers = self
            .layers
            .iter()
            .filter(|layer| layer.media_type == media_type);
        match (layers.next(), layers.next()) {
            (layer, None) => Ok(layer),
            (_, Some(_)) => Err(format!("it has more than one `{media_type}`")),
        }
    }

    /// The layers that hold several files.
    pub(super) fn archives(&self) -> impl Iterator<Item = &Descriptor> {
        let layers = self.layers.iter();
        layers.filter(|layer| layer.media_type == ARCHIVE)
    }

    /// The only component of a package.
    pub(super) fn package(&self) -> Result<&Descriptor, String> {
        let is_code = |layer: &&Descriptor| is_code(layer);
        let mut layers = self.layers.iter().filter(is_code);
        match (layers.next(), layers.next()) {
            (Some(layer), None) => Ok(layer),
            (None, _) => Err("it holds no component".to_owned()),
            (Some(_), Some(_)) => Err("it holds more than one component".to_owned()),
        }
    }

    /// What Spin has to say of the application.
    pub(super) fn locked(&self) -> Result<&Descriptor, String> {
        if let Some(layer) = self.only(LOCKED)? {
            return Ok(layer);
        }
        if self.config.media_type == LOCKED {
            return Ok(&self.config);
        }
        Err(match self.layers.as_slice() {
            [layer] if is_code(layer) => {
                "it is a single component, and nothing says what it may touch: name it in a manifest of your own"
                    .to_owned()
            }
            _ => "it holds no application that Stoa or Spin pushed".to_owned(),
        })
    }
}

// === functions ===

fn is_code(layer: &Descriptor) -> bool {
    [WASM, PACKAGE].contains(&layer.media_type.as_str())
}

/// The image of a bundle, and its blobs. The same bundle makes the same image.
pub(super) fn build(
    bundle: &Bundle,
    files: &Files,
    lock: Option<&Lock>,
) -> (Manifest, BTreeMap<Digest, Bytes>) {
    let mut blobs = BTreeMap::new();
    let mut layers = Vec::new();
    let mut layer = |title: &str, media_type: &str, bytes: Bytes| {
        layers.push(descriptor(media_type, &bytes, Some(title)));
        blobs.insert(Digest::of(&bytes), bytes);
    };
    let packs = files.iter().count() > FILES_APART_MAX;
    let is_packed = |bytes: &Bytes| packs && content_type(bytes) == DATA;
    for (path, bytes) in files.iter().filter(|(_, bytes)| !is_packed(bytes)) {
        layer(path, content_type(bytes), bytes.clone());
    }
    if packs {
        layer("files.tar.gz", ARCHIVE, archive(files, is_packed));
    }
    for (title, code) in lock.into_iter().flat_map(|lock| &lock.composed) {
        layer(title, WASM, code.clone());
    }
    if let Some(lock) = lock {
        layer("spin.lock", LOCKED, lock.text.clone());
    }
    let text = serde_json::to_vec(bundle).expect("messages can be written as JSON");
    layer("bundle.json", BUNDLE, text.into());
    let config = config(bundle, lock);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MANIFEST.to_owned()),
        config: descriptor(CONFIG, &config, None),
        layers,
    };
    blobs.insert(manifest.config.digest, config);
    (manifest, blobs)
}

/// What is packed, each content once.
fn archive(files: &Files, is_packed: impl Fn(&Bytes) -> bool) -> Bytes {
    let packed: BTreeMap<Digest, &Bytes> = files
        .iter()
        .filter(|(_, bytes)| is_packed(bytes))
        .map(|(_, bytes)| (Digest::of(bytes), bytes))
        .collect();
    archive::pack(packed.into_iter()).expect("memory takes what is written to it")
}

fn descriptor(media_type: &str, bytes: &Bytes, title: Option<&str>) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        annotations: title.map(|title| BTreeMap::from([(TITLE.to_owned(), title.to_owned())])),
    }
}

fn content_type(bytes: &Bytes) -> &'static str {
    match is_wasm(bytes) {
        true => WASM,
        false => DATA,
    }
}

/// Whether it is code, and so has a layer of another type than other files.
pub(super) fn is_wasm(bytes: &Bytes) -> bool {
    bytes.starts_with(WASM_MAGIC)
}

/// What tools for images expect. The labels keep different applications apart: some know an image by this alone.
fn config(bundle: &Bundle, lock: Option<&Lock>) -> Bytes {
    let mut labels = BTreeMap::from([("stoa.bundle.digest", bundle.digest().to_string())]);
    if let Some(lock) = lock {
        let digest = Digest::of(&lock.text).to_string();
        labels.insert("com.fermyon.spin.lockedAppDigest", digest);
    }
    let config = json!({
        "architecture": "wasm",
        "os": "wasip1",
        "config": { "Labels": labels },
        "rootfs": { "type": "layers", "diff_ids": [] },
    });
    config.to_string().into()
}
