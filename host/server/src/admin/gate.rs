//! Who asks, and whether a browser was tricked into asking.

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use http::uri::Authority;
use http::{HeaderMap, Request, header};

use super::tokens::Tokens;

/// The name that every machine has for itself.
const LOCAL_HOST: &str = "localhost";
/// What a browser says of the page that asks (Fetch Metadata), and what it says where there is none.
const FETCH_SITE: &str = "sec-fetch-site";
const NO_PAGE: &str = "none";

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// Who it is by its certificate, if it has one that we accept: `cert:…`.
    pub(super) certificate: Option<String>,
}

/// Who asks, as the audit log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) by: String,
    pub(super) from: String,
}

/// Who asks. A token counts before a certificate, and a wrong one is not made good by a right certificate. A certificate
/// does not speak for a page: browsers show it unasked, whatever page sent the request.
pub(super) fn identify(tokens: &Tokens, peer: &Peer, headers: &HeaderMap) -> Option<Caller> {
    let by = match headers.contains_key(header::AUTHORIZATION) {
        true => tokens.owner(bearer(headers)?)?.to_owned(),
        false if is_of_page(headers) => return None,
        false => peer.certificate.clone()?,
    };
    Some(Caller {
        by,
        from: peer.address.to_string(),
    })
}

fn is_of_page(headers: &HeaderMap) -> bool {
    let site = headers.get(FETCH_SITE);
    headers.contains_key(header::ORIGIN) || site.is_some_and(|site| site != NO_PAGE)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = only(headers, header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether the request was meant for this machine by a name of its own, or by an address of loopback. A page whose name
/// was made to lead here (DNS rebinding) sends that name, and is nobody we know.
pub(super) fn is_local(request: &Request<Body>) -> bool {
    let named = only(request.headers(), header::HOST);
    let named = named.and_then(|host| host.parse::<Authority>().ok());
    let written = request.uri().authority();
    named.as_ref().is_some_and(is_local_host) && written.is_none_or(is_local_host)
}

fn is_local_host(authority: &Authority) -> bool {
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<IpAddr>();
    let no_user = !authority.as_str().contains('@');
    no_user && (name.eq_ignore_ascii_case(LOCAL_HOST) || address.is_ok_and(|it| it.is_loopback()))
}

/// A header that is there once: of two, somebody on the way may have read the other.
fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(uri: &str, hosts: &[&str]) -> bool {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        is_local(&request.body(Body::empty()).expect("it is a request"))
    }

    #[test]
    fn names_of_others_are_not_ours() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:3001",
            "127.1",
            "10.0.0.7",
            "0.0.0.0:3001",
            "[::]:3001",
            "localhost@evil.example",
            "evil@localhost",
            "",
        ] {
            assert!(!local("/v1/status", &[host]), "{host}");
        }
        assert!(!local("/v1/status", &[]));
        assert!(!local("/v1/status", &["localhost", "evil.example"]));
        assert!(!local("http://evil.example/v1/status", &["localhost"]));
    }

    #[test]
    fn our_own_names_are_ours_on_any_port() {
        for host in [
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1:3001",
            "127.0.0.2:3001",
            "[::1]",
            "[::1]:3001",
        ] {
            assert!(local("/v1/status", &[host]), "{host}");
        }
        assert!(local(
            "http://localhost:3001/v1/status",
            &["localhost:3001"]
        ));
    }
}
