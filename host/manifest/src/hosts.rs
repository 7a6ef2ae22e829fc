//! `allowed_outbound_hosts`: where a component may connect to, as `scheme://host[:port]`; and `allowed_http_hosts`, its
//! deprecated form.
//!
//! Of an entry with a template only the form is checked: it is known in full only when its variables are. Any other is a
//! [`Destination`].

mod destination;
mod network;

use crate::text::{Mistake, Report, Spanned, Value};

pub use destination::{
    Destination, address, component, destinations, inside, inside_http, is_internal,
};
pub use network::{Network, NotANetwork};

/// Why a text is not an entry of `allowed_outbound_hosts`, or of `allowed_http_hosts`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `example.com:80`
    #[error("it has no scheme, such as `https://` or `*://`")]
    NoScheme,
    /// `h_t://example.com`
    #[error("`{0}` is not a scheme")]
    Scheme(String),
    /// `ftp://example.com`, in `allowed_http_hosts`
    #[error("its scheme is `{0}`, not `http` or `https`")]
    NotHttp(String),
    /// `https://`
    #[error("it has no host")]
    NoHost,
    /// `https://example.com/path`
    #[error("it has a path; only hosts can be allowed")]
    Path,
    /// `https://exa*mple.com`
    #[error("`*` stands for a whole host or for all its subdomains, as in `*.example.com`")]
    Wildcard,
    /// `https://exa mple.com`
    #[error("its host contains {0:?}")]
    HostCharacter(char),
    /// `https://example.com:http`
    #[error("`{0}` is not a port, nor a range of ports such as `8000..9000`")]
    Port(String),
    /// `ldap://example.com`
    #[error("it has no port, and none is known for the scheme `{0}`")]
    NoPort(String),
    /// `https://{{ host`
    #[error("a template is not closed with `}}}}`")]
    OpenTemplate,
}

/// The good entries of `allowed_outbound_hosts`.
pub(crate) fn read_all(value: Value<'_>) -> Option<Vec<Spanned<String>>> {
    let report = value.report();
    let entries = value.spanned_strings()?.into_iter();
    Some(entries.filter_map(|entry| read(entry, report)).collect())
}

/// The good entries of `allowed_http_hosts`.
pub(crate) fn read_http(value: Value<'_>) -> Option<Vec<String>> {
    let (span, report) = (value.span(), value.report());
    report.warn(
        Mistake::new(span, "`allowed_http_hosts` is deprecated")
            .hint("write `allowed_outbound_hosts = [\"https://example.com\"]`"),
    );
    let entries = value.spanned_strings()?.into_iter();
    let good = entries.filter_map(|entry| match check_http(&entry.value) {
        Ok(()) => Some(entry.value),
        Err(error) => {
            let message = format!("`{}` is not an allowed HTTP host: {error}", entry.value);
            report.refuse(Mistake::new(entry.span, message))
        }
    });
    Some(good.collect())
}

fn read(entry: Spanned<String>, report: &Report) -> Option<Spanned<String>> {
    let Err(error) = check(&entry.value) else {
        return Some(entry);
    };
    let mistake = Mistake::new(
        entry.span,
        format!("`{}` is not an allowed outbound host: {error}", entry.value),
    );
    report.refuse(match entry.value.as_str() {
        "*" | "insecure:allow-all" => mistake.hint("`*://*:*` allows everything"),
        entry if error == Error::NoScheme => with_scheme(entry, mistake),
        _ => mistake,
    })
}

/// Proposes the entry that is one with a scheme.
fn with_scheme(entry: &str, mistake: Mistake) -> Mistake {
    let proposed = format!("https://{entry}");
    match check(&proposed) {
        Ok(()) => mistake.hint(format!("write `{proposed}`")),
        Err(_) => mistake,
    }
}

/// Checks an entry.
pub fn check(entry: &str) -> Result<(), Error> {
    match entry.contains("{{") {
        true => check_templates(entry),
        false => Destination::parse(entry).map(drop),
    }
}

/// `host[:port]`, perhaps behind `http://` or `https://`; neither templates nor ranges of ports.
fn check_http(entry: &str) -> Result<(), Error> {
    Destination::parse_http(entry).map(drop)
}

fn check_templates(entry: &str) -> Result<(), Error> {
    // Each part behind a `{{` must hold the `}}` that belongs to it.
    match entry.split("{{").skip(1).all(|part| part.contains("}}")) {
        true => Ok(()),
        false => Err(Error::OpenTemplate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_entries_are_allowed() {
        for entry in [
            "https://example.com",
            "https://example.com/",
            "https://example.com:8443",
            "http://example.com:8080/",
            "*://*:*",
            "https://*.example.com",
            "redis://localhost:6000..7000",
            "postgres://10.0.0.0/8:5432",
            "tcp://10.0.0.1:5432",
            "udp://*:53",
            "*://127.0.0.0/24:80",
            "*://ff00::/8:80",
            "http://127.0.0.1",
            "http://[::1]:8080",
            "http://[::1]",
            "http://self",
            "https://self.alt",
            "http://orders.spin.internal",
            "http://*.spin.internal",
            "{{ scheme }}://{{ host }}:{{ port }}",
            "https://{{ tenant }}.example.com",
        ] {
            assert_eq!(check(entry), Ok(()), "{entry}");
        }
    }

    #[test]
    fn other_entries_are_refused_with_the_reason() {
        assert_eq!(check("example.com"), Err(Error::NoScheme));
        assert_eq!(check(""), Err(Error::NoScheme));
        assert_eq!(
            check("h t://example.com"),
            Err(Error::Scheme("h t".to_owned()))
        );
        assert_eq!(
            check("git+ssh://example.com:22"),
            Err(Error::Scheme("git+ssh".to_owned()))
        );
        assert_eq!(check("https://"), Err(Error::NoHost));
        assert_eq!(check("https://:80"), Err(Error::NoHost));
        assert_eq!(check("https://example.com/path"), Err(Error::Path));
        assert_eq!(check("https://example.com:80/path"), Err(Error::Path));
        assert_eq!(check("https://a.*.com"), Err(Error::Wildcard));
        assert_eq!(check("https://a b.com"), Err(Error::HostCharacter(' ')));
        assert_eq!(
            check("https://example.com:http"),
            Err(Error::Port("http".to_owned()))
        );
        assert_eq!(
            check("https://example.com:70000"),
            Err(Error::Port("70000".to_owned()))
        );
        assert_eq!(
            check("https://example.com:1.."),
            Err(Error::Port("1..".to_owned()))
        );
        assert_eq!(
            check("ldap://example.com"),
            Err(Error::NoPort("ldap".to_owned()))
        );
        // No port is known for what may be any scheme, nor for sockets.
        assert_eq!(
            check("*://127.0.0.0/24"),
            Err(Error::NoPort("*".to_owned()))
        );
        assert_eq!(
            check("tcp://10.0.0.1"),
            Err(Error::NoPort("tcp".to_owned()))
        );
        for entry in ["*", ":", "?", "insecure:allow-all", "localhost:3001"] {
            assert_eq!(check(entry), Err(Error::NoScheme), "{entry}");
        }
        assert_eq!(check("https://*.*.com"), Err(Error::Wildcard));
        assert_eq!(check("https://*.a.com/a"), Err(Error::Path));
        assert_eq!(check("https://{{ host"), Err(Error::OpenTemplate));
    }

    #[test]
    fn http_hosts_need_no_scheme() {
        for entry in [
            "insecure:allow-all",
            "example.com",
            "example.com:8080",
            "http://example.com",
            "https://example.com:8443/",
            "self",
            "127.0.0.1",
            "[::1]:8080",
        ] {
            assert_eq!(check_http(entry), Ok(()), "{entry}");
        }
    }

    #[test]
    fn other_http_hosts_are_refused_with_the_reason() {
        assert_eq!(
            check_http("ftp://example.com"),
            Err(Error::NotHttp("ftp".to_owned()))
        );
        assert_eq!(check_http("example.com/path"), Err(Error::Path));
        assert_eq!(check_http("10.0.0.0/8"), Err(Error::Path));
        assert_eq!(check_http(""), Err(Error::NoHost));
        assert_eq!(check_http("{{ host }}"), Err(Error::HostCharacter('{')));
        assert_eq!(
            check_http("example.com:*"),
            Err(Error::Port("*".to_owned()))
        );
    }
}
