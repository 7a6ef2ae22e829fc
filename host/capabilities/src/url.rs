//! Takes URLs of services apart: `scheme://user:password@host:port/path?query`. They may hold a password, so nothing here
//! is shown, and what is wrong with one is not told.

use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;

/// A URL in its parts, as they are written.
pub(crate) struct Url<'a> {
    pub(crate) scheme: &'a str,
    /// Before the `@`.
    pub(crate) user: Option<&'a str>,
    /// A name or an address; one of IPv6 without its brackets. Never empty.
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
    /// With its slash.
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) fragment: Option<&'a str>,
}

impl<'a> Url<'a> {
    /// `None` for what is no URL with a host.
    pub(crate) fn split(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (rest, fragment) = cut(rest, '#');
        let (rest, query) = cut(rest, '?');
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let (host, port) = split_port(place)?;
        let port = match port {
            "" => None,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            _ => return None,
        };
        Some(Self {
            scheme,
            user,
            host,
            port,
            path,
            query,
            fragment,
        })
    }
}

/// Text in which `%20` stands for a space; `None` if that makes no UTF-8.
pub(crate) fn decoded(text: &str) -> Option<String> {
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// The host, and the port as it is written.
fn split_port(place: &str) -> Option<(&str, &str)> {
    if let Some(inside) = place.strip_prefix('[') {
        let (host, rest) = inside.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return match rest {
            "" => Some((host, "")),
            rest => Some((host, rest.strip_prefix(':')?)),
        };
    }
    let (host, port) = place.split_once(':').unwrap_or((place, ""));
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!host.is_empty() && host.chars().all(allowed)).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_host_is_no_url() {
        for text in [
            "",
            "cache",
            "cache:6379",
            "redis:cache",
            "redis://",
            "redis:///0",
            "redis://:6379",
            "redis://a@",
            "redis://ca che",
            "redis://ca\nche",
            "redis://a:b:1",
            "redis://a:65536",
            "redis://a:+1",
            "redis://a:one",
            "redis://[::1",
            "redis://[::1]6379",
            "redis://[cache]",
        ] {
            assert!(Url::split(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_url_is_taken_apart() {
        let url = Url::split("redis://me:p:w@d@[::1]:7/3/?a=b#c").expect("it is a URL");
        assert_eq!((url.scheme, url.user), ("redis", Some("me:p:w@d")));
        assert_eq!((url.host, url.port, url.path), ("::1", Some(7), "/3/"));
        assert_eq!((url.query, url.fragment), (Some("a=b"), Some("c")));
        let url = Url::split("mqtt://broker").expect("it is a URL");
        assert_eq!((url.user, url.host, url.port), (None, "broker", None));
        assert_eq!((url.path, url.query, url.fragment), ("", None, None));
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        assert_eq!(decoded("a%40b%2Fc").as_deref(), Some("a@b/c"));
        assert_eq!(decoded("%ff"), None);
    }
}
