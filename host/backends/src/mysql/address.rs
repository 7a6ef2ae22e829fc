//! What an address says: whom to connect to, and as whom.

use percent_encoding::percent_decode_str;
use reqwest::Url;
use stoa_capabilities::mysql::Error;
use stoa_capabilities::variables::Secret;

/// Under which destinations are allowed.
pub(super) const SCHEME: &str = "mysql";
const PORT: u16 = 3306;
/// How TLS is asked for, in two spellings and any case.
const TLS_PARAMETERS: [&str; 2] = ["ssl-mode", "sslmode"];
const TLS_DISABLED: &str = "disabled";
/// The same in the words of the driver that Spin has.
const TLS_REQUIRED: &str = "require_ssl";
/// What that driver knows besides. Nothing of it is for an address to say here: how much is kept, which socket is taken,
/// and whether a certificate is checked.
const IGNORED: [&str; 22] = [
    "abs_conn_ttl",
    "abs_conn_ttl_jitter",
    "built_in_roots",
    "client_found_rows",
    "compression",
    "conn_ttl",
    "enable_cleartext_plugin",
    "inactive_connection_ttl",
    "max_allowed_packet",
    "pool_max",
    "pool_min",
    "prefer_socket",
    "reset_connection",
    "secure_auth",
    "socket",
    "stmt_cache_size",
    "tcp_keepalive",
    "tcp_nodelay",
    "ttl_check_interval",
    "verify_ca",
    "verify_identity",
    "wait_timeout",
];

/// An address that was understood. It holds the password, so it is never shown.
pub(super) struct Address {
    /// As URLs write it.
    host: String,
    port: u16,
    user: String,
    password: Secret,
    database: Option<String>,
    tls: bool,
}

impl Address {
    /// Reads an address.
    pub(super) fn parse(address: &str) -> Result<Self, Error> {
        // What is wrong is not told in the parser's words: it may have taken part of a password for something else.
        let url = Url::parse(address).map_err(|_| failed("the address is no URL"))?;
        if url.scheme() != SCHEME {
            return Err(failed("the address does not begin with `mysql://`"));
        }
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() {
            return Err(failed("the address names no host"));
        }
        let database = url.path_segments().and_then(|mut parts| parts.next());
        let database = database.filter(|name| !name.is_empty());
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(PORT),
            user: decoded(url.username())?,
            password: Secret::new(decoded(url.password().unwrap_or_default())?),
            database: database.map(decoded).transpose()?,
            tls: tls(&url)?,
        })
    }

    /// The host as URLs write it: with brackets around an address of IPv6.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The host as certificates have it, without brackets.
    pub(super) fn name(&self) -> &str {
        let bare = self.host.strip_prefix('[');
        let bare = bare.and_then(|host| host.strip_suffix(']'));
        bare.unwrap_or(&self.host)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// Nothing where there is none.
    pub(super) fn password(&self) -> &str {
        self.password.expose()
    }

    /// The database that a new session is in.
    pub(super) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Whether TLS is spoken. A certificate is always checked.
    pub(super) fn tls(&self) -> bool {
        self.tls
    }
}

/// The last of several counts. Spin has words of its own, which count more than those of its driver.
fn tls(url: &Url) -> Result<bool, Error> {
    let (mut mode, mut required) = (None, false);
    for (key, value) in url.query_pairs() {
        let names = |name: &&str| key.eq_ignore_ascii_case(name);
        if TLS_PARAMETERS.iter().any(names) {
            mode = Some(!value.eq_ignore_ascii_case(TLS_DISABLED));
        } else if key == TLS_REQUIRED {
            let value = value.parse::<bool>();
            required = value.map_err(|_| failed("`require_ssl` is `true` or `false`"))?;
        } else if !IGNORED.contains(&&*key) {
            return Err(failed("the address has a parameter that is not known"));
        }
    }
    Ok(mode.unwrap_or(required))
}

/// What ends with a zero on the wire holds none.
fn decoded(text: &str) -> Result<String, Error> {
    let text = percent_decode_str(text).decode_utf8_lossy();
    match text.contains('\0') {
        true => Err(failed("the address holds a zero byte")),
        false => Ok(text.into_owned()),
    }
}

fn failed(what: impl Into<String>) -> Error {
    Error::ConnectionFailed(what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(address: &str) -> Address {
        Address::parse(address).unwrap_or_else(|error| panic!("{address}: {error}"))
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        for address in [
            "",
            "hello",
            "mysql:hunter2",
            "mysql:///test",
            "postgres://root:hunter2@127.0.0.1/test",
            "mysql://root:hunter2@127.0.0.1:port/test",
            "mysql://root:pass?hunter2@127.0.0.1/test",
            "mysql://root:hunter2%00@127.0.0.1/test",
            "mysql://root:hunter2@127.0.0.1/test?colour=green",
            "mysql://root:hunter2@127.0.0.1/test?require_ssl=maybe",
        ] {
            let refusal = match Address::parse(address) {
                Ok(_) => panic!("{address} was understood"),
                Err(error) => error.to_string(),
            };
            assert!(refusal.starts_with("connection failed: "), "{refusal}");
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
    }

    #[test]
    fn what_only_a_driver_would_know_is_put_up_with() {
        let address = parsed(
            "mysql://root@db.example.com/test?socket=/run/mysqld.sock&prefer_socket=true&stmt_cache_size=1000000",
        );
        assert_eq!((address.host(), address.port()), ("db.example.com", 3306));
    }

    #[test]
    fn tls_is_asked_for_in_several_spellings() {
        let tls = |query: &str| parsed(&format!("mysql://root@a/test{query}")).tls();
        for query in [
            "?ssl-mode=REQUIRED",
            "?sslMode=VERIFY_CA",
            "?pool_max=10&SSLMODE=preferred",
            "?require_ssl=true&verify_ca=false&verify_identity=false",
        ] {
            assert!(tls(query), "{query}");
        }
        for query in [
            "",
            "?ssl-mode=disabled",
            "?sslmode=DISABLED&pool_max=10",
            "?require_ssl=true&ssl-mode=disabled",
        ] {
            assert!(!tls(query), "{query}");
        }
    }

    #[test]
    fn accounts_and_databases_are_understood() {
        let address = parsed("mysql://m%40e:p%2Fw%3Ad@a/my%20data/more");
        assert_eq!((address.user(), address.password()), ("m@e", "p/w:d"));
        assert_eq!(address.database(), Some("my data"));
        let address = parsed("mysql://a/");
        assert_eq!((address.user(), address.password()), ("", ""));
        assert_eq!(address.database(), None);
    }

    #[test]
    fn hosts_and_ports_are_understood() {
        let shown = |address: &str| {
            let address = parsed(address);
            format!("{} {} {}", address.host(), address.name(), address.port())
        };
        assert_eq!(
            shown("mysql://root:secret@db.example.com/test"),
            "db.example.com db.example.com 3306"
        );
        assert_eq!(
            shown("mysql://root@127.0.0.1:3307"),
            "127.0.0.1 127.0.0.1 3307"
        );
        assert_eq!(shown("mysql://root@[::1]/test"), "[::1] ::1 3306");
    }
}
