//! Signatures of bundles: Ed25519, or ECDSA with P-256 and SHA-256. Keys are PEM files as `openssl genpkey` and
//! `openssl pkey -pubout` write them.
//!
//! A key is known by the SHA-256 of its public half in DER, so that nobody has to give it a name. What exactly is signed
//! is for the bundle to say. Private keys are read where something is signed and nowhere else; no message quotes one.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, ParsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::{PemObject, SectionKind};
use stoa_capabilities::releases::Digest;

use crate::admin::messages::Signature;

/// Bytes of a file with a public key; more is something else.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Characters of a signature in base64; more is not looked at.
const SIGNATURE_CHARS_MAX: usize = 1024;

/// The public keys whose signatures this host believes.
#[derive(Debug)]
pub(super) struct Keys {
    /// By their ids.
    known: BTreeMap<String, Key>,
}

#[derive(Debug)]
struct Key {
    name: KeyName,
    public: ParsedPublicKey,
}

/// A key as people know it: by its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyName(String);

/// Why a signature does not count.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unsigned {
    /// Nobody gave this host such a key.
    #[error("it is signed by the key {0}, which this host does not know")]
    UnknownKey(Digest),
    /// It does not even look like a signature.
    #[error("its signature is damaged: {0}")]
    Damaged(&'static str),
    /// What was signed is something else, or was signed by somebody else.
    #[error("its signature by the key `{0}` is not one of this content")]
    Wrong(KeyName),
}

/// What signs.
enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

/// Signs with a private key in PEM (PKCS#8, not encrypted).
///
/// # Errors
/// When this is not such a key.
pub(crate) fn sign(pem: &str, bytes: &[u8]) -> Result<Signature, String> {
    let pair = Pair::parse(pem)?;
    let public = pair.public().map_err(|_| "its public key is missing")?;
    let signature = pair.sign(bytes).map_err(|_| "it cannot sign")?;
    Ok(Signature {
        key: id(&public).hex(),
        value: STANDARD.encode(signature),
    })
}

// === impl Keys ===

impl Keys {
    /// Reads public keys in PEM (SubjectPublicKeyInfo), one in each file.
    ///
    /// # Errors
    /// Every file that holds no such key, in words.
    pub(super) fn load(files: &[PathBuf]) -> Result<Self, String> {
        let mut known: BTreeMap<String, Key> = BTreeMap::new();
        let mut wrong = Vec::new();
        for file in files {
            let name = KeyName(file.display().to_string());
            match read(file).and_then(|pem| parse_public(&pem)) {
                Ok((id, public)) => {
                    if let Some(other) = known.insert(id.hex(), Key { name, public }) {
                        let shown = file.display();
                        wrong.push(format!("`{shown}` holds the same key as `{}`", other.name));
                    }
                }
                Err(reason) => {
                    wrong.push(format!("cannot use the key in `{name}`: {reason}"));
                }
            }
        }
        match wrong.is_empty() {
            true => Ok(Self { known }),
            false => Err(wrong.join("\n")),
        }
    }

    /// Whose signature this is.
    ///
    /// # Errors
    /// When it is nobody's whom this host knows, or not one of these bytes.
    pub(super) fn verify(&self, signature: &Signature, bytes: &[u8]) -> Result<KeyName, Unsigned> {
        let id = Digest::from_hex(&signature.key)
            .map_err(|_| Unsigned::Damaged("the id of its key is not a SHA-256"))?;
        let key = self.known.get(&id.hex()).ok_or(Unsigned::UnknownKey(id))?;
        let value = decoded(&signature.value)?;
        match key.public.verify_sig(bytes, &value) {
            Ok(()) => Ok(key.name.clone()),
            Err(_) => Err(Unsigned::Wrong(key.name.clone())),
        }
    }
}

// === impl KeyName ===

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Pair ===

impl Pair {
    fn parse(pem: &str) -> Result<Self, String> {
        let der = match section(pem.as_bytes())? {
            (SectionKind::PrivateKey, der) => der,
            (SectionKind::PublicKey, _) => {
                return Err("it is a public key, and signing takes the private one".to_owned());
            }
            (SectionKind::EcPrivateKey | SectionKind::RsaPrivateKey, _) => {
                return Err(
                    "it is not in PKCS#8; `openssl pkcs8 -topk8 -nocrypt` makes it so".to_owned(),
                );
            }
            _ => return Err("it is no private key".to_owned()),
        };
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(&der) {
            return Ok(Self::Ed25519(pair));
        }
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der)
            .map(Self::P256)
            .map_err(|_| "it is neither an Ed25519 nor a P-256 key".to_owned())
    }

    fn public(&self) -> Result<PublicKeyX509Der<'static>, aws_lc_rs::error::Unspecified> {
        match self {
            Self::Ed25519(pair) => pair.public_key().as_der(),
            Self::P256(pair) => pair.public_key().as_der(),
        }
    }

    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        let signature = match self {
            Self::Ed25519(pair) => pair.try_sign(bytes)?,
            Self::P256(pair) => pair.sign(&SystemRandom::new(), bytes)?,
        };
        Ok(signature.as_ref().to_vec())
    }
}

// === functions ===

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut pem = Vec::new();
    File::open(file)
        .and_then(|file| file.take(KEY_FILE_BYTES_MAX).read_to_end(&mut pem))
        .map_err(|error| error.to_string())?;
    Ok(pem)
}

/// Only the usual encoding counts, since the id is made of it: one key has one id.
fn parse_public(pem: &[u8]) -> Result<(Digest, ParsedPublicKey), String> {
    let der = match section(pem)? {
        (SectionKind::PublicKey, der) => der,
        (SectionKind::PrivateKey | SectionKind::EcPrivateKey | SectionKind::RsaPrivateKey, _) => {
            return Err("it is a private key, and does not belong on a host".to_owned());
        }
        _ => return Err("it is no public key".to_owned()),
    };
    let public = ParsedPublicKey::new(&ED25519, &der)
        .or_else(|_| ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &der))
        .map_err(|_| "it is neither an Ed25519 nor a P-256 key")?;
    match public.as_der() {
        Ok(usual) if id(&usual) == Digest::of(&der) => Ok((id(&usual), public)),
        _ => Err("its point is compressed, or its encoding is not DER".to_owned()),
    }
}

/// The only section of a PEM file. Encrypted keys are none that can be read.
fn section(pem: &[u8]) -> Result<(SectionKind, Vec<u8>), String> {
    let mut sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem);
    match (sections.next(), sections.next()) {
        (Some(Ok(section)), None) => Ok(section),
        (Some(Ok(_)), Some(_)) => Err("there is more than one key in it".to_owned()),
        // The reason would quote the file.
        (Some(Err(_)), _) => Err("its PEM is damaged".to_owned()),
        (None, _) => Err("there is no key in PEM in it, or an encrypted one".to_owned()),
    }
}

fn id(public: &PublicKeyX509Der<'_>) -> Digest {
    Digest::of(public.as_ref())
}

fn decoded(value: &str) -> Result<Vec<u8>, Unsigned> {
    if value.len() > SIGNATURE_CHARS_MAX {
        return Err(Unsigned::Damaged("it is too long"));
    }
    STANDARD
        .decode(value)
        .map_err(|_| Unsigned::Damaged("it is not base64"))
}
