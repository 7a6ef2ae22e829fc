//! Packages of components, found as `wkg` finds them: a registry says at a well-known place under which names its
//! images are kept, and each version is an image with one component.
//!
//! Registries that speak warg alone are refused. Nobody says who asks: packages that are not public are not found.

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use semver::{Version, VersionReq};
use serde::Deserialize;
use serde::de::IgnoredAny;
use stoa_capabilities::releases::Digest;

use super::LAYER_BYTES_MAX;
use super::client::{Purpose, Registry};
use super::connection::{Call, Connection, SMALL_BYTES_MAX};
use super::error::Error;
use super::image::Manifest;
use super::reference::{Reference, parse_host};
use crate::client::show;

/// Where a registry says how it keeps packages.
const WELL_KNOWN: &str = "/.well-known/wasm-pkg/registry.json";
/// The registries of namespaces that everybody knows.
const NAMESPACES: [(&str, &str); 2] = [("ba", "bytecodealliance.org"), ("wasi", "wasi.dev")];
/// The protocol that is spoken here.
const OCI: &str = "oci";
/// How many versions are named where none fits.
const SHOWN_MAX: usize = 5;

/// A package that somebody wants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package<'a> {
    /// The registry's host. None: the one that is known for the namespace.
    pub(crate) registry: Option<&'a str>,
    /// `namespace:name`
    pub(crate) name: &'a str,
    pub(crate) version: Wanted<'a>,
}

/// Which version of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    Exactly(&'a str),
    /// The newest that matches.
    Matching(&'a str),
}

/// What a registry says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    preferred_protocol: Option<String>,
    #[serde(default)]
    oci: Option<Names>,
    #[serde(default)]
    warg: Option<IgnoredAny>,
    /// As it was said before there were several protocols.
    #[serde(default)]
    oci_registry: Option<String>,
    #[serde(default)]
    oci_namespace_prefix: Option<String>,
    #[serde(default)]
    warg_url: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Names {
    #[serde(default)]
    registry: Option<String>,
    #[serde(default)]
    namespace_prefix: Option<String>,
}

/// Fetches the component of a package. `kept` is asked for it first, by its digest.
pub(crate) async fn package(
    package: Package<'_>,
    kept: impl Fn(Digest) -> Option<Bytes>,
) -> Result<Bytes, Error> {
    let host = host(&package)?;
    let names = metadata(&host).await?.names(&package)?;
    let image = package.image(&host, &names)?;
    let tag = match package.version {
        Wanted::Exactly(version) => version.to_owned(),
        Wanted::Matching(wanted) => newest(&image, wanted).await?,
    };
    let mut registry = open(&format!("{image}:{tag}"))?;
    let (text, _) = registry.manifest().await?;
    let manifest = Manifest::parse(&text).map_err(|reason| registry.unusable(reason))?;
    let layer = manifest
        .package()
        .map_err(|reason| registry.unusable(reason))?;
    if layer.size > LAYER_BYTES_MAX {
        let reason = format!("it is larger than {}", show::bytes(LAYER_BYTES_MAX));
        return Err(registry.unusable(reason));
    }
    match kept(layer.digest) {
        Some(bytes) => Ok(bytes),
        None => registry.blob(layer.digest, layer.size).await,
    }
}

fn open(image: &str) -> Result<Registry, Error> {
    let reference = Reference::parse(image).map_err(|reason| Error::Unusable {
        reference: show::plain(image),
        reason,
    })?;
    Registry::new(reference, Purpose::Pull, false, None)
}

/// The host of the registry that has a package.
fn host(package: &Package<'_>) -> Result<String, Error> {
    let known = NAMESPACES
        .iter()
        .find(|(namespace, _)| package.namespace() == *namespace);
    let host = package.registry.or(known.map(|(_, host)| *host));
    let host = host.ok_or_else(|| {
        let namespace = package.namespace();
        package.unusable(format!(
            "no registry is known for `{namespace}`\n  = hint: name it: `registry = \"…\"`"
        ))
    })?;
    parse_host(host).map_err(|_| {
        let host = show::plain(host);
        package.unusable(format!("`{host}` is not the host of a registry"))
    })
}

/// What a registry says of itself; nothing if it says nothing.
async fn metadata(host: &str) -> Result<Metadata, Error> {
    let mut connection = Connection::new(host, false, None, None)?;
    let call = Call::new(Method::GET, connection.url(WELL_KNOWN)?);
    let Ok(response) = connection.send(&call).await else {
        return Ok(Metadata::default());
    };
    if response.status() != StatusCode::OK {
        return Ok(Metadata::default());
    }
    let text = connection
        .body(response, WELL_KNOWN, SMALL_BYTES_MAX)
        .await?;
    serde_json::from_slice(&text).map_err(|_| Error::Answer {
        host: host.to_owned(),
        reason: format!("its `{WELL_KNOWN}` cannot be read"),
    })
}

/// The newest version that matches.
async fn newest(image: &str, wanted: &str) -> Result<String, Error> {
    let mut registry = open(image)?;
    let requirement = VersionReq::parse(wanted)
        .map_err(|error| registry.unusable(format!("`{wanted}` is no range: {error}")))?;
    let tags = registry.tags().await?;
    let mut versions: Vec<Version> = tags.iter().filter_map(|tag| tag.parse().ok()).collect();
    versions.sort();
    let matching = versions.iter().rev().find(|it| requirement.matches(it));
    matching.map(Version::to_string).ok_or_else(|| {
        let known: Vec<String> = versions
            .iter()
            .rev()
            .take(SHOWN_MAX)
            .map(Version::to_string)
            .collect();
        let known = match known.is_empty() {
            true => "none".to_owned(),
            false => known.join(", "),
        };
        registry.unusable(format!("no version matches `{wanted}` (newest: {known})"))
    })
}

// === impl Package ===

impl Package<'_> {
    /// As it was written.
    pub(crate) fn version(&self) -> &str {
        match self.version {
            Wanted::Exactly(version) | Wanted::Matching(version) => version,
        }
    }

    fn namespace(&self) -> &str {
        let (namespace, _) = self.name.split_once(':').unwrap_or((self.name, ""));
        namespace
    }

    /// What its images are called, without a tag.
    fn image(&self, host: &str, names: &Names) -> Result<String, Error> {
        let (namespace, name) = self
            .name
            .split_once(':')
            .ok_or_else(|| self.unusable("it is written `namespace:name`".to_owned()))?;
        let host = names.registry.as_deref().unwrap_or(host);
        let prefix = names.namespace_prefix.as_deref().unwrap_or_default();
        Ok(format!("{host}/{prefix}{namespace}/{name}"))
    }

    fn unusable(&self, reason: String) -> Error {
        Error::Unusable {
            reference: show::plain(self.name),
            reason,
        }
    }
}

// === impl Metadata ===

impl Metadata {
    fn names(self, package: &Package<'_>) -> Result<Names, Error> {
        let is_oci = self.oci.is_some() || self.oci_registry.is_some();
        let is_warg = self.warg.is_some() || self.warg_url.is_some();
        let spoken = match self.preferred_protocol.as_deref() {
            Some(protocol) => protocol == OCI,
            None => is_oci || !is_warg,
        };
        if !spoken {
            let reason = "its registry does not keep packages as images";
            return Err(package.unusable(reason.to_owned()));
        }
        let names = self.oci.unwrap_or_default();
        Ok(Names {
            registry: self.oci_registry.or(names.registry),
            namespace_prefix: self.oci_namespace_prefix.or(names.namespace_prefix),
        })
    }
}
