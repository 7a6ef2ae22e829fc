//! TLS for operators: the host's certificate, and whom a client's certificate names.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::config::Tls;
use super::tokens::{CERTIFICATE, hexadecimal};
use crate::commands::Invalid;

/// Bytes of a certificate's digest that stand for it where it has no name.
const FINGERPRINT_BYTES: usize = 8;
/// Characters of a name that is taken from a certificate.
const NAME_CHARS_MAX: usize = 128;

/// Accepts HTTP/1.1 over TLS 1.2 and 1.3. Clients may show a certificate where there is somebody to vouch for it; those
/// that show none need a token.
pub(super) fn acceptor(files: &Tls) -> anyhow::Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .context("the versions of TLS cannot be used")?;
    let config = match &files.client_ca {
        Some(authority) => {
            let roots = Arc::new(roots(authority)?);
            let clients = WebPkiClientVerifier::builder_with_provider(roots, provider)
                .allow_unauthenticated()
                .build();
            let clients: Arc<dyn ClientCertVerifier> =
                clients.map_err(|error| refused("certificates of clients", authority, &error))?;
            config.with_client_cert_verifier(clients)
        }
        None => config.with_no_client_auth(),
    };
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| refused("a private key", &files.key, &error))?;
    let mut config = config.with_single_cert(chain, key).map_err(|error| {
        Invalid(format!(
            "the admin API's certificate and key cannot be used together: {error}"
        ))
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn roots(file: &Path) -> Result<RootCertStore, Invalid> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        let added = roots.add(certificate);
        added.map_err(|error| refused("a certificate", file, &error))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Invalid> {
    let read = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|found| match found.is_empty() {
            true => Err(pem::Error::NoItemsFound),
            false => Ok(found),
        });
    read.map_err(|error| refused("a certificate", file, &error))
}

/// Never what the file holds.
fn refused(what: &str, file: &Path, reason: &dyn std::error::Error) -> Invalid {
    let shown = file.display();
    Invalid(format!(
        "the admin API cannot read {what} from `{shown}`: {reason}"
    ))
}

/// Who has this certificate, which was verified: the first name in it, or else its fingerprint.
pub(super) fn owner(certificate: &CertificateDer<'_>) -> String {
    format!(
        "{CERTIFICATE}{}",
        name(certificate).unwrap_or_else(|| fingerprint(certificate))
    )
}

fn name(certificate: &CertificateDer<'_>) -> Option<String> {
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    let mut names = parsed.valid_dns_names().chain(parsed.valid_uri_names());
    let plain = |name: &&str| {
        (1..=NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic())
    };
    names.find(plain).map(str::to_owned)
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = digest(&SHA256, certificate);
    hexadecimal(&digest.as_ref()[..FINGERPRINT_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(names: &[&str]) -> CertificateDer<'static> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate can be made");
        made.cert.der().clone()
    }

    #[test]
    fn a_certificate_without_a_name_is_known_by_its_fingerprint() {
        let nameless = certificate(&[]);
        let owner = owner(&nameless);
        let digits = owner
            .strip_prefix(CERTIFICATE)
            .expect("it is a certificate");
        assert_eq!(digits, fingerprint(&nameless));
        assert_eq!(digits.len(), 16);
    }

    #[test]
    fn a_certificate_is_called_by_its_first_name() {
        assert_eq!(
            owner(&certificate(&["ci.example", "b.example"])),
            "cert:ci.example"
        );
    }

    #[test]
    fn files_that_are_none_are_told_by_name_and_not_by_content() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = folder.path().join("key.pem");
        std::fs::write(&file, "very secret").expect("it can be written");
        let files = Tls {
            certificate: file.clone(),
            key: file.clone(),
            client_ca: Some(folder.path().join("missing.pem")),
        };
        for files in [
            files.clone(),
            Tls {
                client_ca: None,
                ..files
            },
        ] {
            let told = acceptor(&files).err().expect("it is refused");
            assert!(told.is::<Invalid>(), "{told:#}");
            assert!(told.to_string().contains(".pem"), "{told:#}");
            assert!(!format!("{told:#}").contains("very secret"), "{told:#}");
        }
    }
}
