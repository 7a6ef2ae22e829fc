//! The certificate of an authority that a guest names by itself.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::Error;
use crate::releases::Digest;

/// A guest's text is read up to this, which is more than any chain of certificates takes.
const PEM_BYTES_MAX: usize = 256 * 1024;

/// Who vouches for a server: these certificates and nobody else.
#[derive(Clone)]
pub struct Root {
    certificates: RootCertStore,
    digest: Digest,
}

impl Root {
    /// Reads certificates in PEM.
    ///
    /// # Errors
    /// [`Error::Other`] if there is none, or one of them is none.
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        let invalid = |why: &str| Error::Other(format!("invalid root certificate: {why}"));
        if text.len() > PEM_BYTES_MAX {
            return Err(invalid("the text is too long"));
        }
        let mut certificates = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
            let certificate = certificate.map_err(|_| invalid("it is not PEM"))?;
            let added = certificates.add(certificate);
            added.map_err(|_| invalid("it is no certificate of an authority"))?;
        }
        match certificates.is_empty() {
            true => Err(invalid("there is none in the text")),
            false => Ok(Self {
                certificates,
                digest: Digest::of(text.as_bytes()),
            }),
        }
    }

    /// The certificates.
    pub fn certificates(&self) -> &RootCertStore {
        &self.certificates
    }

    /// Tells two apart.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        match Root::from_pem(text) {
            Ok(_) => panic!("it was taken for a certificate"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        assert!(refusal("").contains("there is none"));
        assert!(refusal("hello").contains("there is none"));
        let nonsense = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        assert!(refusal(nonsense).contains("no certificate"));
        let cut = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n";
        assert!(refusal(cut).contains("not PEM"));
        assert!(refusal(&" ".repeat(PEM_BYTES_MAX + 1)).contains("too long"));
    }
}
