//! Where an entry allows connections to, and which other entries it covers.

use super::*;

/// Whether `entry` allows `scheme host port`.
fn allows(entry: &str, (scheme, host, port): (&str, &str, u16)) -> bool {
    let destination = Destination::parse(entry).unwrap_or_else(|error| panic!("{error}"));
    destination.allows(scheme, host, port)
}

#[test]
fn other_destinations_are_refused() {
    for (entry, wanted) in [
        ("https://example.com", ("http", "example.com", 443)),
        ("https://example.com", ("https", "example.com", 8443)),
        ("https://example.com", ("https", "example.org", 443)),
        ("https://example.com", ("https", "api.example.com", 443)),
        ("https://example.com", ("https", "badexample.com", 443)),
        (
            "https://example.com",
            ("https", "example.com.evil.org", 443),
        ),
        ("https://*.example.com", ("https", "example.com", 443)),
        ("https://*.example.com", ("https", ".example.com", 443)),
        ("https://*.example.com", ("https", "badexample.com", 443)),
        ("http://*.0.0.1", ("http", "127.0.0.1", 80)),
        ("http://10.0.0.0/8:80", ("http", "11.0.0.1", 80)),
        ("http://10.0.0.0/8:80", ("http", "ten.example.com", 80)),
        ("http://[::1]:80", ("http", "[::2]", 80)),
        ("http://a.com:8000..9000", ("http", "a.com", 7999)),
        // The end of a range is not part of it.
        ("http://a.com:8000..9000", ("http", "a.com", 9000)),
        ("http://a.com:9000..8000", ("http", "a.com", 8500)),
        ("https://example.com", ("tcp", "example.com", 443)),
        ("tcp://10.0.0.1:5432", ("udp", "10.0.0.1", 5432)),
        ("tcp://db.example.com:5432", ("tcp", "10.0.0.1", 5432)),
        ("*://127.0.0.1/24:63551", ("tcp", "127.0.1.1", 63551)),
        ("*://127.0.0.1/24:63551", ("tcp", "127.0.0.1", 63552)),
        ("*://0.0.0.0/0:80", ("tcp", "::1", 80)),
        ("*://*.example.com:80", ("tcp", "10.0.0.1", 80)),
        ("http://*.spin.internal", ("http", "spin.internal", 80)),
        (
            "http://*.spin.internal",
            ("http", "a.spin.internal.org", 80),
        ),
        ("http://a.spin.internal", ("http", "b.spin.internal", 80)),
        ("http://self", ("http", "self", 80)),
        ("http://self.alt", ("http", "self.alt", 80)),
    ] {
        assert!(!allows(entry, wanted), "{entry} {wanted:?}");
    }
}

#[test]
fn what_an_entry_says_is_allowed() {
    for (entry, wanted) in [
        ("https://example.com", ("https", "example.com", 443)),
        ("https://Example.com.", ("https", "example.com", 443)),
        ("https://example.com", ("https", "EXAMPLE.COM.", 443)),
        ("http://example.com/", ("http", "example.com", 80)),
        ("http://example.com:8080/", ("http", "example.com", 8080)),
        ("*://*:*", ("http", "anything.example.com", 1)),
        ("*://*:*", ("https", "127.0.0.1", 443)),
        ("*://a.com:443", ("https", "a.com", 443)),
        ("https://*.example.com", ("https", "a.b.Example.com", 443)),
        ("http://127.0.0.1", ("http", "127.0.0.1", 80)),
        ("http://127.0.0.1/", ("http", "127.0.0.1", 80)),
        ("http://127.0.0.1", ("http", "[::ffff:127.0.0.1]", 80)),
        ("http://10.0.0.0/8", ("http", "10.9.8.7", 80)),
        ("http://fd00::/8:80", ("http", "[fd12::1]", 80)),
        ("http://[::1]", ("http", "[0:0:0:0:0:0:0:1]", 80)),
        ("http://a.com:8000..9000", ("http", "a.com", 8000)),
        ("http://a.com:8000..9000", ("http", "a.com", 8999)),
        ("redis://cache", ("redis", "cache", 6379)),
        ("mysql://db", ("mysql", "db", 3306)),
        ("postgres://db", ("postgres", "db", 5432)),
        ("mqtt://broker", ("mqtt", "broker", 1883)),
        // A network is written by any of its addresses.
        ("*://127.0.0.1/24:63551", ("tcp", "127.0.0.200", 63551)),
        ("tcp://ff00::/8:80", ("tcp", "ff02::1", 80)),
        ("udp://[::1]:53", ("udp", "::1", 53)),
        ("*://*:53", ("udp", "10.0.0.1", 53)),
        (" http://a.com:80 ", ("http", "a.com", 80)),
        ("http://a.spin.internal", ("http", "a.spin.internal", 80)),
        ("http://*.spin.internal", ("http", "a.spin.internal", 80)),
        ("http://*", ("http", "a.spin.internal", 80)),
    ] {
        assert!(allows(entry, wanted), "{entry} {wanted:?}");
    }
}

/// Whether one entry allows all that the other does.
fn covers(entry: &str, other: &str) -> bool {
    let parsed = |entry| Destination::parse(entry).unwrap_or_else(|error| panic!("{error}"));
    parsed(entry).covers(&parsed(other))
}

#[test]
fn entries_do_not_cover_what_they_do_not_allow() {
    for (entry, other) in [
        ("https://a.com", "http://a.com:443"),
        ("https://a.com", "*://a.com:443"),
        ("https://a.com", "https://a.com:8443"),
        ("https://a.com", "https://a.com:*"),
        ("https://a.com", "https://*.a.com"),
        ("https://a.com", "https://*"),
        ("https://*.a.com", "https://a.com"),
        ("https://*.b.a.com", "https://*.a.com"),
        ("https://*.a.com", "https://*.bada.com"),
        ("https://*.a.com", "https://10.0.0.1"),
        ("https://self", "https://*"),
        ("https://self", "https://self.example.com"),
        ("https://*.example.com", "https://self"),
        ("http://10.0.0.0/16:80", "http://10.0.0.0/8:80"),
        ("http://10.0.0.0/8:80", "http://11.0.0.0/16:80"),
        ("http://10.0.0.0/8:80", "http://a.com:80"),
        ("http://0.0.0.0/0:80", "http://::ffff:0.0.0.0/90:80"),
        ("http://a.com:8000..9000", "http://a.com:8000..9001"),
        ("http://a.com:8000..9000", "http://a.com:9000"),
        ("http://a.com:8000", "http://a.com:8000..8002"),
    ] {
        assert!(!covers(entry, other), "{entry} {other}");
    }
}

#[test]
fn entries_cover_what_they_allow() {
    for (entry, other) in [
        ("https://a.com", "https://A.com.:443/"),
        ("*://*:*", "https://a.com"),
        ("*://*:*", "*://*:*"),
        ("https://*:443", "https://10.0.0.0/8:443"),
        ("*://a.com:443", "https://a.com"),
        ("https://*.a.com", "https://b.a.com"),
        ("https://*.a.com", "https://*.b.a.com"),
        ("https://*.a.com", "https://*.a.com"),
        ("http://10.0.0.0/8:80", "http://10.1.0.0/16:80"),
        ("http://10.0.0.0/8:80", "http://10.1.2.3"),
        ("http://[::1]", "http://[0:0:0:0:0:0:0:1]:80"),
        ("http://a.com:*", "http://a.com:8000..9000"),
        ("http://a.com:8000..9000", "http://a.com:8000..9000"),
        ("http://a.com:8000..9000", "http://a.com:8999"),
        ("http://a.com:8000", "http://a.com:8000..8001"),
        ("http://self", "http://self"),
        ("http://self", "http://self.alt"),
        ("https://*", "https://self"),
    ] {
        assert!(covers(entry, other), "{entry} {other}");
    }
}

#[test]
fn http_hosts_allow_both_schemes_unless_they_name_one() {
    let allowed = |entry: &str, wanted: (&str, &str, u16)| {
        Destination::parse_http(entry)
            .expect("it is a host")
            .iter()
            .any(|to| to.allows(wanted.0, wanted.1, wanted.2))
    };
    assert!(!allowed("example.com", ("http", "example.com", 443)));
    assert!(!allowed("example.com", ("https", "example.com", 80)));
    assert!(!allowed("example.com:8080", ("http", "example.com", 80)));
    assert!(!allowed("https://example.com", ("http", "example.com", 80)));
    assert!(!allowed("insecure:allow-all", ("redis", "cache", 6379)));
    assert!(allowed("example.com", ("http", "example.com", 80)));
    assert!(allowed("example.com", ("https", "example.com", 443)));
    assert!(allowed("example.com:8080", ("https", "example.com", 8080)));
    assert!(allowed("https://a.com:8443/", ("https", "a.com", 8443)));
    assert!(allowed("insecure:allow-all", ("http", "127.0.0.1", 81)));
}

#[test]
fn a_name_may_be_looked_up_if_some_port_of_it_may_be_connected_to() {
    let looked_up = |entry: &str, scheme: &str, host: &str| {
        let entry = Destination::parse(entry).expect("it is an entry");
        entry.allows_host(scheme, host)
    };
    assert!(!looked_up("https://a.com", "tcp", "a.com"));
    assert!(!looked_up("tcp://a.com:5432", "tcp", "b.com"));
    assert!(!looked_up("tcp://10.0.0.0/8:*", "tcp", "a.com"));
    assert!(looked_up("tcp://a.com:5432", "tcp", "A.com."));
    assert!(looked_up("*://*.a.com:1..9", "udp", "b.a.com"));
}

#[test]
fn the_application_is_reached_by_its_name_and_by_any() {
    let allowed = |entry: &str| {
        let entry = Destination::parse(entry).expect("it is an entry");
        entry.allows_application("http")
    };
    for entry in [
        "https://self",
        "http://a.com",
        "http://*.a.com",
        "http://127.0.0.0/8:80",
        "http://*.spin.internal",
    ] {
        assert!(!allowed(entry), "{entry}");
    }
    for entry in ["http://self", "http://self.alt", "*://*:*", "http://*:8080"] {
        assert!(allowed(entry), "{entry}");
    }
}

#[test]
fn the_application_and_its_components_are_internal() {
    let internal = |entry: &str| {
        Destination::parse(entry)
            .expect("it is an entry")
            .is_internal()
    };
    for entry in [
        "http://self",
        "https://self.alt",
        "http://orders.spin.internal",
        "http://*.spin.internal",
        "http://spin.internal",
    ] {
        assert!(internal(entry), "{entry}");
    }
    for entry in ["http://notspin.internal", "http://*:80", "http://10.0.0.1"] {
        assert!(!internal(entry), "{entry}");
    }
}
