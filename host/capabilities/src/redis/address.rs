//! Where a Redis server is, and who asks it.

use std::fmt;

use crate::url::{Url, decoded};
use crate::variables::Secret;

const PORT: u16 = 6379;

/// A server's address: `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS.
///
/// As text it has no credentials: `redis://host:6379/0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// A name or an address; one of IPv6 without brackets.
    pub host: String,
    /// Default: 6379.
    pub port: u16,
    /// Default: the server's default user.
    pub user: Option<Secret>,
    /// Default: nobody is authenticated.
    pub password: Option<Secret>,
    /// Default: 0.
    pub database: u32,
}

impl Address {
    /// `None` for what is no such address. A query is left alone: it is for settings of other clients. A fragment is not,
    /// because `#insecure` would ask for TLS that trusts anybody.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::split(text)?;
        let tls = match url.scheme.to_ascii_lowercase().as_str() {
            "redis" => false,
            "rediss" => true,
            _ => return None,
        };
        if url.fragment.is_some() {
            return None;
        }
        let (user, password) = match url
            .user
            .map(|user| user.split_once(':').unwrap_or((user, "")))
        {
            Some((user, password)) => (secret(user)?, secret(password)?),
            None => (None, None),
        };
        let database = match url.path.trim_matches('/') {
            "" => 0,
            digits => digits.parse().ok()?,
        };
        Some(Self {
            tls,
            host: url.host.to_owned(),
            port: url.port.unwrap_or(PORT),
            user,
            password,
            database,
        })
    }

    /// As entries of `allowed_outbound_hosts` have it.
    pub fn scheme(&self) -> &'static str {
        match self.tls {
            false => "redis",
            true => "rediss",
        }
    }
}

/// Nothing is none; the outer `None` is for what cannot be decoded.
fn secret(text: &str) -> Option<Option<Secret>> {
    match text {
        "" => Some(None),
        text => Some(Some(Secret::new(decoded(text)?))),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, port, database) = (self.scheme(), self.port, self.database);
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{port}/{database}", self.host),
            false => write!(f, "{scheme}://{}:{port}/{database}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Address {
        Address::parse(text).unwrap_or_else(|| panic!("{text} is an address"))
    }

    #[test]
    fn what_is_no_address_of_redis_is_refused() {
        for text in [
            "localhost:6379",
            "http://localhost",
            "unix:///run/redis.sock",
            "redis:///0",
            "redis://localhost/zero",
            "redis://localhost/-1",
            "redis://localhost/1/2",
            "redis://%ff@localhost",
            "rediss://localhost/#insecure",
        ] {
            assert!(Address::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_left_out_is_redis_default() {
        let address = parse("redis://cache");
        assert_eq!(
            (address.tls, address.port, address.database),
            (false, 6379, 0)
        );
        assert_eq!((address.user, address.password), (None, None));
    }

    #[test]
    fn all_of_an_address_is_read() {
        let address = parse("REDISS://me:p%40ss@cache.example:7/3?protocol=resp2");
        assert!(address.tls);
        assert_eq!((address.host.as_str(), address.port), ("cache.example", 7));
        assert_eq!(address.user.expect("there is one").expose(), "me");
        assert_eq!(address.password.expect("there is one").expose(), "p@ss");
        assert_eq!(address.database, 3);
    }

    #[test]
    fn no_form_of_it_shows_who_asks() {
        let address = parse("redis://alice:hunter2@[::1]:7/3");
        assert_eq!(address.to_string(), "redis://[::1]:7/3");
        let shown = format!("{address:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("alice"),
            "{shown}"
        );
    }
}
