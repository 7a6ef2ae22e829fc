//! A request as a CGI program is told of it: variables (RFC 3875, section 4.1, and Spin's own) and arguments.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use percent_encoding::percent_decode_str;

use crate::single::answer;

/// What the gateway adds to every request, and what it is called here. `PATH_INFO` and each parameter of the route come
/// beside these.
const SPIN: [(&str, &str); 6] = [
    ("spin-full-url", "X_FULL_URL"),
    ("spin-matched-route", "X_MATCHED_ROUTE"),
    ("spin-component-route", "X_COMPONENT_ROUTE"),
    ("spin-raw-component-route", "X_RAW_COMPONENT_ROUTE"),
    ("spin-base-path", "X_BASE_PATH"),
    ("spin-client-addr", "X_CLIENT_ADDR"),
];
const SPIN_PREFIX: &str = "spin-";
const PARAMETER_PREFIX: &str = "spin-path-match-";
const WILDCARD: &str = "/...";

/// Fields that are no variables. The credentials are kept out by the RFC; `proxy` would become `HTTP_PROXY`, which a
/// client must not set: many libraries send their requests there.
const KEPT_OUT: [HeaderName; 2] = [header::AUTHORIZATION, HeaderName::from_static("proxy")];

/// The arguments. The template is filled in first and then cut at each space, as in Spin: a query without parameters
/// leaves an empty one.
pub(super) fn arguments(argv: &str, uri: &Uri) -> Vec<String> {
    let query = uri.query().unwrap_or_default().replace('&', " ");
    // What a client sends is never taken for a part of the template: filled in again, it would grow by its own length
    // squared.
    let parts = argv.split("${ARGS}");
    let parts: Vec<String> = parts
        .map(|part| part.replace("${SCRIPT_NAME}", uri.path()))
        .collect();
    let argv = parts.join(&query);
    argv.split(' ').map(str::to_owned).collect()
}

/// The variables, `length` being that of the body. One whose length nobody knows is announced by none: it ends where
/// standard input does.
pub(super) fn variables(head: &Parts, length: Option<u64>) -> Vec<(String, String)> {
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    let names = head.headers.keys().filter(|name| is_variable(name));
    // `x_a` and `x-a` become the same variable. The second is what proxies set: whoever sends the first must not replace it.
    let (first, then): (Vec<_>, Vec<_>) = names.partition(|name| name.as_str().contains('_'));
    for name in first.into_iter().chain(then) {
        let values = joined(&head.headers, name);
        variables.insert(format!("HTTP_{}", shouted(name.as_str())), values);
    }
    let spin = |name: &str| text(head.headers.get(name));
    for (field, name) in SPIN {
        if head.headers.contains_key(field) {
            variables.insert(name.to_owned(), spin(field));
        }
    }
    for (name, value) in &head.headers {
        if let Some(parameter) = name.as_str().strip_prefix(PARAMETER_PREFIX) {
            let name = format!("X_PATH_MATCH_{}", shouted(parameter));
            variables.insert(name, text(Some(value)));
        }
    }
    let (host, port) = server(&head.uri);
    let (path_info, route) = (spin("spin-path-info"), spin("spin-matched-route"));
    let decoded = percent_decode_str(&path_info)
        .decode_utf8_lossy()
        .into_owned();
    let client = client(&spin("spin-client-addr"));
    let query = head.uri.query().unwrap_or_default();
    let protocol = format!("{:?}", head.version);
    let script = route.strip_suffix(WILDCARD).unwrap_or(&route);
    let media = text(head.headers.get(header::CONTENT_TYPE));
    let fixed: [(&str, &str); 16] = [
        ("AUTH_TYPE", ""),
        ("CONTENT_TYPE", &media),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        // Not decoded, as in Spin.
        ("PATH_INFO", &path_info),
        ("PATH_TRANSLATED", &decoded),
        ("QUERY_STRING", query),
        ("REMOTE_ADDR", &client),
        ("REMOTE_HOST", &client),
        ("REMOTE_USER", ""),
        ("REQUEST_METHOD", head.method.as_str()),
        ("SCRIPT_NAME", script),
        ("SERVER_NAME", &host),
        ("SERVER_PORT", &port),
        ("SERVER_PROTOCOL", &protocol),
        ("SERVER_SOFTWARE", "WAGI/1"),
        ("X_RAW_PATH_INFO", &path_info),
    ];
    variables.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    if let Some(length) = length {
        variables.insert("CONTENT_LENGTH".to_owned(), length.to_string());
    }
    variables.into_iter().collect()
}

fn is_variable(name: &HeaderName) -> bool {
    let ours = name.as_str().starts_with(SPIN_PREFIX);
    !ours && answer::passes(name) && !KEPT_OUT.contains(name)
}

fn shouted(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

/// Several fields of one name are one variable (RFC 3875, section 4.1.18).
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let between = match *name == header::COOKIE {
        true => "; ",
        false => ", ",
    };
    let values = headers.get_all(name).iter();
    let values: Vec<String> = values.map(|value| text(Some(value))).collect();
    values.join(between)
}

fn text(value: Option<&HeaderValue>) -> String {
    let bytes = value.map_or(&[][..], HeaderValue::as_bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whom the client asked.
fn server(uri: &Uri) -> (String, String) {
    let port = match uri.scheme() == Some(&Scheme::HTTPS) {
        true => 443,
        false => 80,
    };
    let authority = uri.authority();
    let host = authority.map_or("localhost", Authority::host);
    let port = authority.and_then(Authority::port_u16).unwrap_or(port);
    (host.to_owned(), port.to_string())
}

/// The client's address without its port.
fn client(address: &str) -> String {
    let address = address.parse::<SocketAddr>();
    address.map_or_else(|_| String::new(), |address| address.ip().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(uri: &str, headers: &[(&str, &str)], length: Option<u64>) -> BTreeMap<String, String> {
        let mut request = http::Request::post(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("it is a request");
        let (head, ()) = request.into_parts();
        variables(&head, length).into_iter().collect()
    }

    #[test]
    fn a_client_sets_neither_the_proxy_nor_what_the_gateway_says() {
        let told = told(
            "http://shop.example/",
            &[
                ("proxy", "http://evil.example"),
                ("authorization", "Bearer secret"),
                ("connection", "close"),
                ("transfer-encoding", "chunked"),
                ("spin-client-addr", "192.0.2.1:5000"),
            ],
            None,
        );
        for name in [
            "HTTP_PROXY",
            "HTTP_AUTHORIZATION",
            "HTTP_CONNECTION",
            "HTTP_TRANSFER_ENCODING",
            "HTTP_SPIN_CLIENT_ADDR",
            "CONTENT_LENGTH",
        ] {
            assert!(!told.contains_key(name), "{name}");
        }
        assert_eq!(told["REMOTE_ADDR"], "192.0.2.1");
        assert_eq!(told["X_CLIENT_ADDR"], "192.0.2.1:5000");
    }

    #[test]
    fn a_request_has_the_names_of_cgi_and_of_spin() {
        let told = told(
            "https://shop.example:8443/things/a%20b/c?x=1&y=2",
            &[
                ("host", "shop.example:8443"),
                ("content-type", "text/plain"),
                ("x-some-field", "1"),
                ("spin-path-info", "/a%20b/c"),
                ("spin-matched-route", "/things/..."),
                ("spin-component-route", "/things"),
                ("spin-raw-component-route", "/things/..."),
                ("spin-base-path", "/"),
                (
                    "spin-full-url",
                    "https://shop.example:8443/things/a%20b/c?x=1&y=2",
                ),
                ("spin-path-match-user-id", "42"),
            ],
            Some(5),
        );
        for (name, value) in [
            ("CONTENT_LENGTH", "5"),
            ("CONTENT_TYPE", "text/plain"),
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("HTTP_CONTENT_TYPE", "text/plain"),
            ("HTTP_HOST", "shop.example:8443"),
            ("HTTP_X_SOME_FIELD", "1"),
            ("PATH_INFO", "/a%20b/c"),
            ("PATH_TRANSLATED", "/a b/c"),
            ("QUERY_STRING", "x=1&y=2"),
            ("REQUEST_METHOD", "POST"),
            ("SCRIPT_NAME", "/things"),
            ("SERVER_NAME", "shop.example"),
            ("SERVER_PORT", "8443"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("X_BASE_PATH", "/"),
            ("X_COMPONENT_ROUTE", "/things"),
            ("X_MATCHED_ROUTE", "/things/..."),
            ("X_PATH_MATCH_USER_ID", "42"),
            ("X_RAW_COMPONENT_ROUTE", "/things/..."),
            ("X_RAW_PATH_INFO", "/a%20b/c"),
        ] {
            assert_eq!(told.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert!(told["X_FULL_URL"].ends_with("/things/a%20b/c?x=1&y=2"));
    }

    #[test]
    fn the_port_is_that_of_the_scheme_where_none_is_named() {
        assert_eq!(told("https://[::1]/", &[], None)["SERVER_PORT"], "443");
        assert_eq!(told("http://[::1]/", &[], None)["SERVER_PORT"], "80");
        assert_eq!(told("http://[::1]/", &[], None)["SERVER_NAME"], "[::1]");
    }

    #[test]
    fn a_field_does_not_replace_another_whose_variable_it_shares() {
        let (set, forged) = (("x-real-ip", "192.0.2.1"), ("x_real_ip", "10.0.0.1"));
        for fields in [[set, forged], [forged, set]] {
            let told = told("http://shop.example/", &fields, None);
            assert_eq!(told["HTTP_X_REAL_IP"], "192.0.2.1");
        }
        let told = told("http://shop.example/", &[forged], None);
        assert_eq!(told["HTTP_X_REAL_IP"], "10.0.0.1");
    }

    #[test]
    fn fields_of_one_name_are_one_variable() {
        let fields = [
            ("x-a", "1"),
            ("x-a", "2"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
        ];
        let told = told("http://shop.example/", &fields, None);
        assert_eq!(told["HTTP_X_A"], "1, 2");
        assert_eq!(told["HTTP_COOKIE"], "a=1; b=2");
    }

    #[test]
    fn what_a_client_sends_is_no_template() {
        let uri = Uri::from_static("http://a/${ARGS}?b=${SCRIPT_NAME}&${ARGS}");
        let filled = arguments("${SCRIPT_NAME} ${ARGS}", &uri);
        assert_eq!(filled, ["/${ARGS}", "b=${SCRIPT_NAME}", "${ARGS}"]);
    }

    #[test]
    fn arguments_are_cut_at_spaces_once_the_template_is_filled_in() {
        let filled = |argv: &str, uri: &'static str| arguments(argv, &Uri::from_static(uri));
        let default = "${SCRIPT_NAME} ${ARGS}";
        assert_eq!(
            filled(default, "http://a/x?b=1&c=%20"),
            ["/x", "b=1", "c=%20"]
        );
        assert_eq!(filled(default, "http://a/x"), ["/x", ""]);
        assert_eq!(filled("tool --fast", "http://a/x?b=1"), ["tool", "--fast"]);
    }
}
