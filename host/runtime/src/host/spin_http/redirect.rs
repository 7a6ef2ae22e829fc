//! Where an answer sends its client, and with what: as Spin's own client for this contract, which follows redirects.

use bytes::Bytes;
use http::{HeaderName, Method, Request, Response, StatusCode, Uri, header};

/// What is only for whom it was written.
static SECRETS: [HeaderName; 3] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::PROXY_AUTHORIZATION,
];
/// What tells of a body.
static OF_BODY: [HeaderName; 2] = [header::CONTENT_TYPE, header::CONTENT_ENCODING];

/// The request that an answer asks for in place of this one. None where it is no redirect, or leads to nothing that could be
/// read: then it is the answer.
pub(super) fn next<B>(request: &Request<Bytes>, answer: &Response<B>) -> Option<Request<Bytes>> {
    let method = method(request.method(), answer.status())?;
    let location = answer.headers().get(header::LOCATION)?.to_str().ok()?;
    let uri = resolved(request.uri(), location)?;
    let mut next = request.clone();
    if !is_same(request.uri(), &uri) {
        remove(&mut next, &SECRETS);
    }
    if method != *request.method() {
        remove(&mut next, &OF_BODY);
        *next.body_mut() = Bytes::new();
    }
    *next.method_mut() = method;
    *next.uri_mut() = uri;
    Some(next)
}

fn remove(request: &mut Request<Bytes>, names: &[HeaderName]) {
    for name in names {
        request.headers_mut().remove(name);
    }
}

/// How it is asked for. None where it is no redirect.
fn method(asked: &Method, status: StatusCode) -> Option<Method> {
    match status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND if *asked == Method::POST => {
            Some(Method::GET)
        }
        StatusCode::SEE_OTHER if *asked != Method::HEAD => Some(Method::GET),
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => Some(asked.clone()),
        _ => None,
    }
}

fn is_same(one: &Uri, other: &Uri) -> bool {
    one.scheme() == other.scheme() && one.authority() == other.authority()
}

/// What a `location` means, read at `base` (RFC 3986, section 5.2). A path without a host stays inside the application.
fn resolved(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    if has_scheme(location) {
        return location.parse().ok();
    }
    let scheme = base.scheme_str();
    if location.starts_with("//") {
        return format!("{}:{location}", scheme?).parse().ok();
    }
    let origin = match (scheme, base.authority()) {
        (Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
        _ => String::new(),
    };
    format!("{origin}{}", beside(base, location)).parse().ok()
}

fn has_scheme(location: &str) -> bool {
    let scheme = location.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_letter)
    })
}

/// The path of a `location`, and its query.
fn beside(base: &Uri, location: &str) -> String {
    let (path, query) = match location.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (location, None),
    };
    let path = match path {
        "" => base.path().to_owned(),
        absolute if absolute.starts_with('/') => without_dots(absolute),
        relative => {
            let folder = base
                .path()
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            without_dots(&format!("{folder}/{relative}"))
        }
    };
    // Nothing at all means the same again.
    let query = query.or(base.query().filter(|_| location.is_empty()));
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let is_folder = path.ends_with("/.") || path.ends_with("/..");
    let mut plain: String = kept.iter().flat_map(|segment| ["/", *segment]).collect();
    if is_folder || plain.is_empty() {
        plain.push('/');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, uri: &str) -> Request<Bytes> {
        let request = Request::builder().method(method).uri(uri);
        let request = request
            .header("authorization", "hunter2")
            .header("content-type", "text/plain")
            .header("x-asked", "yes");
        let request = request.body(Bytes::from_static(b"body"));
        request.expect("it is a request")
    }

    fn answer(status: u16, location: &str) -> Response<()> {
        let answer = Response::builder()
            .status(status)
            .header("location", location);
        answer.body(()).expect("it is an answer")
    }

    fn followed(asked: Method, status: u16, location: &str) -> Option<Request<Bytes>> {
        next(&request(asked, "http://a/x"), &answer(status, location))
    }

    #[test]
    fn what_is_no_redirect_is_the_answer() {
        for status in [200, 300, 304, 404] {
            assert!(followed(Method::GET, status, "/y").is_none(), "{status}");
        }
        assert!(followed(Method::GET, 302, "no url at all").is_none());
        let nowhere = Response::builder().status(302).body(());
        let nowhere = nowhere.expect("it is an answer");
        assert!(next(&request(Method::GET, "http://a/x"), &nowhere).is_none());
    }

    #[test]
    fn secrets_stay_with_whom_they_are_for() {
        for (location, kept) in [
            ("/y", true),
            ("http://A/y", true),
            ("http://b/y", false),
            ("http://a:81/y", false),
            ("https://a/y", false),
            ("//b/y", false),
        ] {
            let next = followed(Method::GET, 302, location).expect("it is a redirect");
            let has = next.headers().contains_key("authorization");
            assert_eq!(has, kept, "{location}");
            assert!(next.headers().contains_key("x-asked"));
        }
    }

    #[test]
    fn methods_and_bodies_go_along_where_they_are_meant_to() {
        for (asked, status, method) in [
            (Method::POST, 301, Method::GET),
            (Method::POST, 302, Method::GET),
            (Method::PUT, 302, Method::PUT),
            (Method::PUT, 303, Method::GET),
            (Method::HEAD, 303, Method::HEAD),
            (Method::POST, 307, Method::POST),
            (Method::POST, 308, Method::POST),
        ] {
            let next = followed(asked.clone(), status, "/y").expect("it is a redirect");
            assert_eq!(*next.method(), method, "{asked} {status}");
            let has_body = !next.body().is_empty();
            assert_eq!(has_body, method == asked, "{asked} {status}");
            let has_type = next.headers().contains_key("content-type");
            assert_eq!(has_type, method == asked, "{asked} {status}");
        }
    }

    #[test]
    fn a_location_is_read_beside_the_request() {
        let base: Uri = "http://a/b/c?q=1".parse().expect("it is a URL");
        for (location, uri) in [
            ("https://x/y?z#f", "https://x/y?z"),
            ("//x/y", "http://x/y"),
            ("/y?z=2", "http://a/y?z=2"),
            ("y", "http://a/b/y"),
            ("./y", "http://a/b/y"),
            ("../y", "http://a/y"),
            ("../../..", "http://a/"),
            ("?z=2", "http://a/b/c?z=2"),
            ("", "http://a/b/c?q=1"),
            ("/y:z", "http://a/y:z"),
        ] {
            let resolved = resolved(&base, location).map(|uri| uri.to_string());
            assert_eq!(resolved.as_deref(), Some(uri), "{location}");
        }
        let own: Uri = "/b/c".parse().expect("it is a path");
        let resolved = resolved(&own, "y").map(|uri| uri.to_string());
        assert_eq!(resolved.as_deref(), Some("/b/y"));
    }
}
