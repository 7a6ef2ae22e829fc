//! Whom the command line trusts, and what it shows of itself.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::{ClientConfig, RootCertStore};

use crate::cli::remote::Remote;

use super::Error;

/// Where the host's certificate comes in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

pub(super) fn config(remote: &Remote, scheme: Scheme) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(roots(remote.ca.as_deref(), scheme)?);
    match (&remote.client_cert, &remote.client_key) {
        (Some(certificate), Some(key)) => config
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(Error::Identity),
        _ => Ok(config.with_no_client_auth()),
    }
}

fn roots(file: Option<&Path>, scheme: Scheme) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    match (file, scheme) {
        (Some(file), _) => {
            for certificate in certificates(file)? {
                roots
                    .add(certificate)
                    .map_err(|error| refused("a certificate", file, &error))?;
            }
        }
        // What this machine trusts takes longer to read than many commands take in all.
        (None, Scheme::Http) => {}
        (None, Scheme::Https) => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|found| match found.is_empty() {
            true => Err(pem::Error::NoItemsFound),
            false => Ok(found),
        });
    read.map_err(|error| refused("a certificate", file, &error))
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| refused("a private key", file, &error))
}

fn refused(what: &'static str, file: &Path, error: &dyn std::error::Error) -> Error {
    Error::File {
        what,
        file: file.to_owned(),
        reason: error.to_string(),
    }
}
