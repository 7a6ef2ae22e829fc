//! Applications in OCI registries: images of ours, and those that Spin pushed; and code that manifests name in
//! registries of packages, or by an address.
//!
//! An image of ours has a layer for each file, one for the bundle, and where Spin could run the application, one for
//! Spin: the application as Spin locks it. What an image holds is decided by digests alone: the manifest's is resolved
//! first, everything else is named by it or by the bundle and hashed on arrival. Nothing is written to a disk here.

mod archive;
mod challenge;
mod client;
mod connection;
pub(crate) mod credentials;
mod download;
mod error;
pub(crate) mod folder;
mod image;
mod lock;
mod locked;
mod package;
mod reference;
#[cfg(test)]
mod tests;
mod toml;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use stoa_capabilities::releases::{Digest, FILE_BYTES_MAX};
use stoa_manifest::text::Source;

use crate::admin::messages::Bundle;
use crate::bundle::Files;
use crate::client::show;
use crate::wiring;

pub(crate) use client::{Purpose, Registry, check_login};
pub(crate) use download::{download, shown};
pub(crate) use error::{Error, wait};
pub(crate) use lock::{Lock, lock};
pub(crate) use package::{Package, Wanted, package};
pub(crate) use reference::{Reference, parse_host};
pub(crate) use toml::quoted;

use image::{Descriptor, Manifest};

/// Bytes of a manifest, of a bundle and of a locked application.
const DOCUMENT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Layers of one image. Some registries take fewer, and say so.
const LAYERS_MAX: usize = 1_000;
/// Bytes of one layer: what a host takes as a file.
const LAYER_BYTES_MAX: u64 = FILE_BYTES_MAX as u64;
/// Bytes of all layers that are fetched or pushed for one image: they are held in memory.
const IMAGE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// An application as it was pulled.
pub(crate) struct Image {
    pub(crate) bundle: Bundle,
    pub(crate) files: Files,
    /// Of the image's manifest: what a tag stood for.
    pub(crate) digest: Digest,
}

/// What came of a push.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// Of the image's manifest.
    pub(crate) digest: Digest,
    /// How many blobs were sent, and how many there are.
    pub(crate) sent: usize,
    pub(crate) all: usize,
}

/// Sends what the registry lacks, the manifest last: nobody pulls half of it.
pub(crate) async fn push(
    registry: &mut Registry,
    bundle: &Bundle,
    files: &Files,
    lock: Option<&Lock>,
) -> Result<Pushed, Error> {
    let (manifest, blobs) = image::build(bundle, files, lock);
    check_bounds(&manifest).map_err(|reason| Error::TooLarge { reason })?;
    let (mut sent, all) = (0, blobs.len());
    for (digest, bytes) in blobs {
        if !registry.has(digest).await? {
            registry.upload(digest, bytes).await?;
            sent += 1;
        }
    }
    let digest = registry.put_manifest(manifest.to_bytes()).await?;
    Ok(Pushed { digest, sent, all })
}

/// Fetches an application, by the digest of what its reference stands for now.
pub(crate) async fn pull(registry: &mut Registry) -> Result<Image, Error> {
    let (text, digest) = registry.manifest().await?;
    let manifest = Manifest::parse(&text)
        .and_then(|manifest| check_bounds(&manifest).map(|()| manifest))
        .map_err(|reason| registry.unusable(reason))?;
    let (bundle, inline) = match manifest.only(image::BUNDLE) {
        Ok(Some(layer)) => (ours(registry, layer).await?, BTreeMap::new()),
        Ok(None) => of_spin(registry, &manifest).await?,
        Err(reason) => return Err(registry.unusable(reason)),
    };
    let files = fetch(registry, &manifest, &bundle, inline).await?;
    Ok(Image {
        bundle,
        files,
        digest,
    })
}

async fn ours(registry: &mut Registry, layer: &Descriptor) -> Result<Bundle, Error> {
    let text = document(registry, layer).await?;
    serde_json::from_slice(&text).map_err(|error| {
        let reason = show::plain(&error.to_string());
        registry.unusable(format!("its bundle cannot be read: {reason}"))
    })
}

/// Contents of files.
type Contents = BTreeMap<Digest, Bytes>;

/// A manifest is written that says what the locked application says, and read like any other: what it cannot say, or
/// this version does not support, is refused before any code is fetched. With the contents that were in it already.
async fn of_spin(
    registry: &mut Registry,
    manifest: &Manifest,
) -> Result<(Bundle, Contents), Error> {
    let layer = manifest
        .locked()
        .map_err(|reason| registry.unusable(reason))?;
    let text = document(registry, layer).await?;
    let locked = locked::convert(&text).map_err(|reason| registry.unusable(reason))?;
    let source = Source::new("spin.toml", &*locked.manifest);
    let refused = |problems: String| registry.unusable(format!("Spin pushed it, and {problems}"));
    let app = stoa_manifest::parse(&source, None)
        .map_err(|mistakes| refused(format!("it makes no manifest:\n{mistakes}")))?;
    wiring::check_supported(&app).map_err(|problems| refused(problems.join("\nerror: ")))?;
    let bundle = Bundle {
        manifest: locked.manifest,
        profile: None,
        files: locked.files,
        signature: None,
    };
    Ok((bundle, locked.inline))
}

async fn document(registry: &mut Registry, layer: &Descriptor) -> Result<Bytes, Error> {
    if layer.size > DOCUMENT_BYTES_MAX {
        let reason = format!(
            "its `{}` is larger than {DOCUMENT_BYTES_MAX} bytes",
            show::plain(&layer.media_type)
        );
        return Err(registry.unusable(reason));
    }
    registry.blob(layer.digest, layer.size).await
}

/// The bundle's files, each content once: from layers, and where there is none of it, from archives.
async fn fetch(
    registry: &mut Registry,
    manifest: &Manifest,
    bundle: &Bundle,
    mut contents: Contents,
) -> Result<Files, Error> {
    let sizes: BTreeMap<Digest, u64> = manifest
        .layers
        .iter()
        .map(|layer| (layer.digest, layer.size))
        .collect();
    let wanted: BTreeSet<Digest> = bundle.files.values().copied().collect();
    let missing = |digest: &Digest, contents: &Contents| {
        !contents.contains_key(digest) && !sizes.contains_key(digest)
    };
    if wanted.iter().any(|digest| missing(digest, &contents)) {
        unpack(registry, manifest, &wanted, &mut contents).await?;
    }
    if let Some(digest) = wanted.iter().find(|digest| missing(digest, &contents)) {
        let reason = format!("it names the file {digest}, and no layer holds that");
        return Err(registry.unusable(reason));
    }
    for digest in &wanted {
        if !contents.contains_key(digest) {
            let bytes = registry.blob(*digest, sizes[digest]).await?;
            contents.insert(*digest, bytes);
        }
    }
    let mut files = Files::default();
    for (path, digest) in &bundle.files {
        files.insert(path, contents[digest].clone());
    }
    Ok(files)
}

/// Takes what is wanted out of the archives of an image.
async fn unpack(
    registry: &mut Registry,
    manifest: &Manifest,
    wanted: &BTreeSet<Digest>,
    contents: &mut Contents,
) -> Result<(), Error> {
    let mut left = IMAGE_BYTES_MAX;
    for layer in manifest.archives() {
        let archive = registry.blob(layer.digest, layer.size).await?;
        let unpacked = archive::unpack(&archive, |digest| wanted.contains(&digest), &mut left);
        contents.extend(unpacked.map_err(|reason| registry.unusable(reason))?);
    }
    Ok(())
}

/// What is one content counts once.
fn check_bounds(manifest: &Manifest) -> Result<(), String> {
    let layers = manifest.layers.len();
    if layers > LAYERS_MAX {
        return Err(format!("it has {layers} layers, more than {LAYERS_MAX}"));
    }
    if let Some(layer) = manifest
        .layers
        .iter()
        .find(|layer| layer.size > LAYER_BYTES_MAX)
    {
        return Err(format!(
            "its layer {} is larger than {}",
            layer.digest,
            show::bytes(LAYER_BYTES_MAX)
        ));
    }
    let contents: BTreeSet<(Digest, u64)> = manifest
        .layers
        .iter()
        .map(|layer| (layer.digest, layer.size))
        .collect();
    // So many layers of that size cannot overflow.
    match contents.iter().map(|(_, size)| size).sum::<u64>() {
        0..=IMAGE_BYTES_MAX => Ok(()),
        _ => Err(format!(
            "its layers are larger than {} together",
            show::bytes(IMAGE_BYTES_MAX)
        )),
    }
}
