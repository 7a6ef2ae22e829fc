//! Where a broker is, and under which name it knows the client.

use std::fmt;

use crate::url::{Url, decoded};

/// What other clients are told in an address and has no meaning here: this one keeps no session and sends one message at
/// a time. The keep-alive is said beside the address.
const LEFT_ALONE: [&str; 8] = [
    "clean_session",
    "inflight_num",
    "keep_alive_secs",
    "max_incoming_packet_size_bytes",
    "max_outgoing_packet_size_bytes",
    "max_request_batch_num",
    "pending_throttle_usecs",
    "request_channel_capacity_num",
];

/// A broker's address: `mqtt://host[:port]?client_id=name`, or `mqtts://` for TLS; `tcp` and `ssl` are other names for
/// those. Credentials in it are left alone, as in Spin: they are said beside the address.
///
/// As text: `mqtt://host:1883`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// As entries of `allowed_outbound_hosts` have it.
    pub scheme: &'static str,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// A name or an address; one of IPv6 without brackets.
    pub host: String,
    /// Default: 1883, or 8883 with TLS.
    pub port: u16,
    /// Two clients of one name at once are one too many for a broker. Empty, if the broker is to choose one.
    pub client: String,
}

impl Address {
    /// `None` for what is no such address. `client_id` has to be there, and what nobody knows must not, as in Spin.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::split(text)?;
        let (scheme, tls) = match url.scheme.to_ascii_lowercase().as_str() {
            "mqtt" => ("mqtt", false),
            "tcp" => ("tcp", false),
            "mqtts" => ("mqtts", true),
            "ssl" => ("ssl", true),
            _ => return None,
        };
        let mut client = None;
        for pair in url.query.unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match decoded(name)?.as_str() {
                "client_id" => client = Some(decoded(&value.replace('+', " "))?),
                "" => {}
                name if LEFT_ALONE.contains(&name) => {}
                _ => return None,
            }
        }
        Some(Self {
            scheme,
            tls,
            host: url.host.to_owned(),
            port: url.port.unwrap_or(if tls { 8883 } else { 1883 }),
            client: client?,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, port) = (self.scheme, self.port);
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{port}", self.host),
            false => write!(f, "{scheme}://{}:{port}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_of_a_broker_is_refused() {
        for text in [
            "broker:1883",
            "http://broker?client_id=a",
            "ws://broker?client_id=a",
            "mqtt://?client_id=a",
            "mqtt://broker",
            "mqtt://broker?client_id=%ff",
            "mqtt://broker?client_id=a&retain=true",
        ] {
            assert!(Address::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn ports_have_the_defaults_of_their_schemes() {
        for (text, scheme, tls, port) in [
            ("mqtt://broker?client_id=a", "mqtt", false, 1883),
            ("tcp://broker?client_id=a", "tcp", false, 1883),
            ("MQTTS://broker?client_id=a", "mqtts", true, 8883),
            ("ssl://broker:7?client_id=a", "ssl", true, 7),
        ] {
            let address = Address::parse(text).unwrap_or_else(|| panic!("{text} is an address"));
            let read = (address.scheme, address.tls, address.port);
            assert_eq!(read, (scheme, tls, port), "{text}");
        }
    }

    #[test]
    fn settings_of_other_clients_are_left_alone() {
        let text =
            "mqtt://me:hunter2@[::1]?keep_alive_secs=5&client_id=a+b%2Fc&clean_session=false";
        let address = Address::parse(text).expect("it is an address");
        assert_eq!(
            (address.host.as_str(), address.client.as_str()),
            ("::1", "a b/c")
        );
        assert_eq!(address.to_string(), "mqtt://[::1]:1883");
        assert!(!format!("{address:?}").contains("hunter2"));
    }
}
