//! URLs that carry their own permission: `/.well-known/stoa/blobs/<label>/<container>/<name>` with a signature.
//!
//! Pure: no clock, no store, no socket. The key belongs to the host, so a URL is good on every core and after a restart.
//! What is signed are the claims and not the text of the URL, so another spelling of the same URL is the same URL.
//! A URL outlives the grant it was made under: what bounds it is its expiry.

use std::fmt::{self, Write};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use stoa_manifest::grants::blobs::is_container;

use super::{Place, check};

/// What the path of every signed URL begins with. No route of an application answers below it.
pub const PATH_PREFIX: &str = "/.well-known/stoa/blobs/";
/// Bytes of the host's key, as many as SHA-256 gives.
pub const KEY_BYTES: usize = 32;

/// Everything but what RFC 3986 leaves unreserved, and the `/` between segments.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// What a URL lets its holder do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Read the blob: GET and HEAD.
    Get,
    /// Write the blob: PUT.
    Put,
}

impl Method {
    const ALL: [Self; 2] = [Self::Get, Self::Put];

    /// As the URL has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
        }
    }
}

/// What a URL is a permission for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The label of the store.
    pub label: String,
    /// The blob.
    pub place: Place,
    /// What may be done with it.
    pub method: Method,
    /// Until when, in seconds since 1970; not at that second itself.
    pub expires: u64,
    /// How many bytes may be written.
    pub bytes_max: u64,
}

/// Why a URL is no permission. For the log: clients are told one and the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not of the form that [`Signer::url`] makes.
    #[error("the URL is malformed")]
    Malformed,
    /// The claims are not those that were signed, or the key is another.
    #[error("the signature does not fit")]
    Signature,
    /// It was good once.
    #[error("the URL has expired")]
    Expired,
    /// It is good for something else.
    #[error("the URL is for another method")]
    Method,
}

/// Makes and checks signed URLs. Its `Debug` does not tell the key.
pub struct Signer(hmac::Key);

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signer(***)")
    }
}

impl Signer {
    /// Signs with a key that nobody else has.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The path and query that stand for `claims`; the origin is whichever serves this host.
    pub fn url(&self, claims: &Claims) -> String {
        let Claims {
            label,
            place,
            method,
            expires,
            bytes_max,
        } = claims;
        let (container, name) = (&place.container, encode(&place.name));
        let (method, signature) = (method.name(), self.signature(claims));
        format!(
            "{PATH_PREFIX}{label}/{container}/{name}?expires={expires}&max={bytes_max}&method={method}&signature={signature}"
        )
    }

    /// The claims of a URL, if it is a permission for `method` at `now`, in seconds since 1970. Nothing of it is believed
    /// before the signature fits.
    pub fn check(
        &self,
        path: &str,
        query: Option<&str>,
        method: Method,
        now: u64,
    ) -> Result<Claims, Refused> {
        let (claims, signature) = parse(path, query).ok_or(Refused::Malformed)?;
        let expected = self.signature(&claims);
        verify_slices_are_equal(expected.as_bytes(), signature.as_bytes())
            .map_err(|_| Refused::Signature)?;
        if now >= claims.expires {
            return Err(Refused::Expired);
        }
        match claims.method == method {
            true => Ok(claims),
            false => Err(Refused::Method),
        }
    }

    /// No field holds a line feed, so that no two claims are signed alike. The first line keeps this key's signatures
    /// apart from whatever else it may sign.
    fn signature(&self, claims: &Claims) -> String {
        let Claims {
            label,
            place,
            method,
            expires,
            bytes_max,
        } = claims;
        let (container, name, method) = (&place.container, &place.name, method.name());
        let signed = format!(
            "stoa-blobs-url-1\n{method}\n{label}\n{container}\n{name}\n{expires}\n{bytes_max}"
        );
        hexadecimal(hmac::sign(&self.0, signed.as_bytes()).as_ref())
    }
}

/// A name as it stands in the path of a URL, and after `filename*=UTF-8''`.
pub fn encode(name: &str) -> String {
    utf8_percent_encode(name, ENCODED).to_string()
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes what is written");
            text
        })
}

/// The claims and the signature that a URL shows.
fn parse<'u>(path: &str, query: Option<&'u str>) -> Option<(Claims, &'u str)> {
    let mut parts = path.strip_prefix(PATH_PREFIX)?.splitn(3, '/');
    let (label, container, name) = (parts.next()?, parts.next()?, parts.next()?);
    let name = percent_decode_str(name).decode_utf8().ok()?;
    let mut fields = query?.split('&');
    let mut field = |key: &str| fields.next()?.strip_prefix(key)?.strip_prefix('=');
    let (expires, bytes_max) = (number(field("expires")?)?, number(field("max")?)?);
    let (method, signature) = (field("method")?, field("signature")?);
    let good = label.bytes().all(|byte| byte.is_ascii_graphic())
        && is_container(container)
        && check::name(&name).is_ok()
        && fields.next().is_none();
    let claims = Claims {
        label: label.to_owned(),
        place: Place {
            container: container.to_owned(),
            name: name.into_owned(),
        },
        method: *Method::ALL.iter().find(|known| known.name() == method)?,
        expires,
        bytes_max,
    };
    good.then_some((claims, signature))
}

/// Digits alone: `parse` would take a `+` too.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn signer() -> Signer {
        Signer::new(&[7; KEY_BYTES])
    }

    fn claims(name: &str) -> Claims {
        Claims {
            label: "images".into(),
            place: Place {
                container: "public".into(),
                name: name.into(),
            },
            method: Method::Get,
            expires: NOW + 60,
            bytes_max: 10,
        }
    }

    fn check(url: &str, method: Method, now: u64) -> Result<Claims, Refused> {
        let (path, query) = match url.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (url, None),
        };
        signer().check(path, query, method, now)
    }

    #[test]
    fn nothing_of_a_url_can_be_changed() {
        let url = signer().url(&claims("a/b.png"));
        let changes = [
            ("images/", "others/"),
            ("public", "private"),
            ("a/b.png", "a/c.png"),
            ("a/b.png", "a/b.png%00"),
            ("expires=1", "expires=2"),
            ("max=10", "max=99"),
            ("method=get", "method=put"),
            ("signature=", "signature=0"),
        ];
        for (from, to) in changes {
            let changed = url.replacen(from, to, 1);
            assert_ne!(changed, url);
            for method in Method::ALL {
                let outcome = check(&changed, method, NOW);
                assert!(
                    matches!(outcome, Err(Refused::Signature | Refused::Malformed)),
                    "{changed}: {outcome:?}"
                );
            }
        }
    }

    #[test]
    fn a_url_of_another_key_is_refused() {
        let url = Signer::new(&[8; KEY_BYTES]).url(&claims("a"));
        assert_eq!(check(&url, Method::Get, NOW), Err(Refused::Signature));
    }

    #[test]
    fn a_url_ends_at_its_second() {
        let url = signer().url(&claims("a"));
        assert!(check(&url, Method::Get, NOW + 59).is_ok());
        assert_eq!(check(&url, Method::Get, NOW + 60), Err(Refused::Expired));
    }

    #[test]
    fn a_url_is_for_one_method() {
        let url = signer().url(&claims("a"));
        assert_eq!(check(&url, Method::Put, NOW), Err(Refused::Method));
    }

    #[test]
    fn what_is_no_such_url_is_malformed() {
        let url = signer().url(&claims("a/b"));
        let broken = [
            url.replace('?', "#"),
            url.replace("/a/b", "/a/../b"),
            url.replace("/a/b", "/a/%2e%2e/b"),
            url.replace("/a/b", "/a%5Cb"),
            url.replace("/a/b", "/%ff"),
            url.replace("/a/b", "/"),
            url.replace("/public", "/../public"),
            url.replace("expires=", "expires=%2b"),
            url.replace("expires=", "expires=+"),
            url.replace("&max=10", ""),
            url.replace("&max=10", "&max=10&max=10"),
            format!("{url}&more=1"),
            url.replace("method=get", "method=GET"),
            url.replace(PATH_PREFIX, "/.well-known/stoa/blob/"),
        ];
        for url in broken {
            let outcome = check(&url, Method::Get, NOW);
            assert_eq!(outcome, Err(Refused::Malformed), "{url}");
        }
    }

    #[test]
    fn any_name_makes_a_url_and_comes_back() {
        for name in ["a", "a b", "ключ/🗝️", "%2e%2e/x", "a?b#c&d=e", "a+b"] {
            let url = signer().url(&claims(name));
            assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
            assert_eq!(check(&url, Method::Get, NOW), Ok(claims(name)), "{url}");
        }
    }

    #[test]
    fn another_spelling_of_a_url_is_the_same_url() {
        let url = signer().url(&claims("a/b")).replace("a/b?", "%61%2Fb?");
        assert_eq!(check(&url, Method::Get, NOW), Ok(claims("a/b")));
    }

    #[test]
    fn a_signer_does_not_tell_its_key() {
        assert_eq!(format!("{:?}", signer()), "Signer(***)");
    }
}
