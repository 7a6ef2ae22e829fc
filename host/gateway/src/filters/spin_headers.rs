//! What a component is told of its request beyond what the client sent: headers by Spin's names and with its meanings.
//!
//! A component may trust them: whatever a client sends under a name of this kind is taken out, and so is a host that
//! only a call of another component has.

use std::task::{Context, Poll};

use http::request::Parts;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header};
use stoa_manifest::hosts;
use stoa_manifest::pattern::{Part, Path, Segment};
use tower::{Layer, Service, layer::layer_fn};

use crate::connection::Connected;
use crate::router::Matched;

const PREFIX: &str = "spin-";

static FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
static PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
static MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
static COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
static RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
static BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
static CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");

/// Those that every request gets, for the room they take.
const HEADERS: usize = 7;

pub(crate) fn layer<S>() -> impl Layer<S, Service = SpinHeaders<S>> + Clone {
    layer_fn(SpinHeaders)
}

#[derive(Clone)]
pub(crate) struct SpinHeaders<S>(S);

impl<S, I> Service<Request<I>> for SpinHeaders<S>
where
    S: Service<Request<I>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<I>) -> S::Future {
        let (mut head, body) = request.into_parts();
        strip(&mut head.headers);
        disown(&mut head);
        set(&mut head);
        self.0.call(Request::from_parts(head, body))
    }
}

/// Nothing is allocated unless a client tries.
fn strip(headers: &mut HeaderMap) {
    let forged: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with(PREFIX))
        .cloned()
        .collect();
    for name in &forged {
        headers.remove(name);
    }
}

/// Takes a host under `spin.internal` away, as Spin does, unless it is a component that calls: components may take whoever
/// has such a host for one of them.
fn disown(head: &mut Parts) {
    let matched = head.extensions.get::<Matched>();
    if matched.is_some_and(Matched::is_called) {
        return;
    }
    if head.headers.get(header::HOST).is_some_and(is_internal) {
        head.headers.remove(header::HOST);
    }
    let authority = head.uri.authority();
    if authority.is_some_and(|authority| hosts::is_internal(authority.host())) {
        let target = head.uri.path_and_query().cloned();
        head.uri = target.map(Uri::from).unwrap_or_default();
    }
}

fn is_internal(host: &HeaderValue) -> bool {
    let host = host.to_str().unwrap_or_default();
    let name = host.split_once(':').map_or(host, |(name, _port)| name);
    hosts::is_internal(name)
}

fn set(head: &mut Parts) {
    let connected = head.extensions.get::<Connected>();
    let scheme = connected.map_or(Scheme::HTTP, |connected| connected.scheme.clone());
    let url = full_url(head, &scheme);
    let headers = &mut head.headers;
    if let Some(matched) = head.extensions.get::<Matched>() {
        headers.reserve(HEADERS);
        matched.spin_headers().set(headers, head.uri.path());
    }
    if let Some(url) = url {
        headers.insert(&FULL_URL, url);
    }
    if let Some(connected) = connected {
        headers.insert(&CLIENT_ADDR, connected.client.clone());
    }
}

/// The scheme is that of the connection, whatever the request says.
fn full_url(head: &Parts, scheme: &Scheme) -> Option<HeaderValue> {
    let host = head.headers.get(header::HOST);
    let authority = match head.uri.authority() {
        Some(authority) => authority.as_str().as_bytes(),
        None => host.map_or("localhost".as_bytes(), HeaderValue::as_bytes),
    };
    let target = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let url = [
        scheme.as_str().as_bytes(),
        "://".as_bytes(),
        authority,
        target.as_bytes(),
    ];
    HeaderValue::try_from(url.concat()).ok()
}

/// A route's part in it, made with the route. What no header can carry is left out, as in Spin.
pub(crate) struct OfRoute {
    constant: Vec<(HeaderName, HeaderValue)>,
    parameters: Vec<Parameter>,
    /// How many segments are in front of the wildcard, if there is one.
    wildcard: Option<usize>,
}

impl OfRoute {
    pub(crate) fn new(path: &Path) -> Self {
        let raw = path.raw();
        let constant = [
            (&MATCHED_ROUTE, matched(raw)),
            // Spin knows the wildcard by this spelling only.
            (
                &COMPONENT_ROUTE,
                raw.strip_suffix("/...").unwrap_or(raw).to_owned(),
            ),
            (&RAW_COMPONENT_ROUTE, raw.to_owned()),
            (&BASE_PATH, "/".to_owned()),
        ];
        let valid = |(name, value): (&HeaderName, String)| {
            Some((name.clone(), HeaderValue::try_from(value).ok()?))
        };
        let segments = path.segments().iter().enumerate();
        Self {
            constant: constant.into_iter().filter_map(valid).collect(),
            parameters: segments
                .flat_map(|(index, segment)| Parameter::all(index, segment))
                .collect(),
            wildcard: path.wildcard().then_some(path.segments().len()),
        }
    }

    fn set(&self, headers: &mut HeaderMap, path: &str) {
        for (name, value) in &self.constant {
            headers.insert(name, value.clone());
        }
        for parameter in &self.parameters {
            if let Some(value) = parameter.value(path) {
                headers.insert(&parameter.header, value);
            }
        }
        if let Ok(value) = HeaderValue::try_from(self.path_info(path)) {
            headers.insert(&PATH_INFO, value);
        }
    }

    /// What the wildcard stands for. Spin keeps one trailing slash here, though none tells two paths apart.
    fn path_info(&self, path: &str) -> String {
        let Some(segments) = self.wildcard else {
            return String::new();
        };
        let mut pieces = path.trim_matches('/').splitn(segments + 1, '/');
        let rest = pieces.nth(segments).unwrap_or_default();
        match (rest.is_empty(), path.ends_with('/')) {
            (true, false) => String::new(),
            (true, true) => "/".to_owned(),
            (false, false) => format!("/{rest}"),
            (false, true) => format!("/{rest}/"),
        }
    }
}

/// The route with a slash in front and none behind: empty for `/`, as in Spin.
fn matched(raw: &str) -> String {
    let absolute = format!("/{}", raw.strip_prefix('/').unwrap_or(raw));
    absolute.strip_suffix('/').unwrap_or(&absolute).to_owned()
}

/// Where a parameter stands in a path that the route fits.
struct Parameter {
    header: HeaderName,
    segment: usize,
    part: usize,
    /// How many parts the segment has.
    parts: usize,
}

impl Parameter {
    fn all(segment: usize, pattern: &Segment) -> Vec<Self> {
        match pattern {
            Segment::Literal(_) => Vec::new(),
            Segment::Parameter(name) => Self::new(name, segment, 0, 1).into_iter().collect(),
            Segment::Mixed(parts) => {
                let parameter = |(index, part): (usize, &Part)| match part {
                    Part::Parameter(name) => Self::new(name, segment, index, parts.len()),
                    Part::Literal(_) => None,
                };
                parts.iter().enumerate().filter_map(parameter).collect()
            }
        }
    }

    fn new(name: &str, segment: usize, part: usize, parts: usize) -> Option<Self> {
        let header = format!("spin-path-match-{}", name.replace('_', "-"));
        Some(Self {
            header: HeaderName::try_from(header).ok()?,
            segment,
            part,
            parts,
        })
    }

    fn value(&self, path: &str) -> Option<HeaderValue> {
        let segment = path.trim_matches('/').split('/').nth(self.segment)?;
        // As the router splits it: the last part takes what is left.
        let piece = segment.splitn(self.parts, '.').nth(self.part)?;
        HeaderValue::from_bytes(piece.as_bytes()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(route: &str, path: &str) -> HeaderMap {
        let route = OfRoute::new(&Path::parse(route).expect("the route is good"));
        let mut headers = HeaderMap::new();
        route.set(&mut headers, path);
        headers
    }

    #[test]
    fn path_info_is_what_the_wildcard_stands_for() {
        for (route, path, info) in [
            ("/foo/...", "/foo", ""),
            ("/foo/...", "/foo/", "/"),
            ("/foo/...", "/foo/bar", "/bar"),
            ("/foo/...", "/foo/bar/baz/", "/bar/baz/"),
            ("/foo/:id/...", "/foo/1/bar", "/bar"),
            ("/foo/*", "/foo/bar", "/bar"),
            ("/...", "/", "/"),
            ("/...", "/a/b", "/a/b"),
            ("/foo", "/foo", ""),
        ] {
            assert_eq!(headers(route, path)[&PATH_INFO], info, "{route} {path}");
        }
    }

    #[test]
    fn routes_are_shown_as_spin_shows_them() {
        for (raw, matched, component) in [
            ("/foo/...", "/foo/...", "/foo"),
            ("foo/", "/foo", "foo/"),
            ("/foo/*", "/foo/*", "/foo/*"),
            ("/...", "/...", ""),
            ("/", "", "/"),
        ] {
            let headers = headers(raw, "/");
            assert_eq!(headers[&MATCHED_ROUTE], matched, "{raw}");
            assert_eq!(headers[&COMPONENT_ROUTE], component, "{raw}");
            assert_eq!(headers[&RAW_COMPONENT_ROUTE], raw);
            assert_eq!(headers[&BASE_PATH], "/");
        }
    }

    #[test]
    fn each_parameter_has_its_header() {
        let headers = headers("/users/:user_id/:name.:Kind", "/users/4%202/a.tar.gz/");
        assert_eq!(headers["spin-path-match-user-id"], "4%202");
        assert_eq!(headers["spin-path-match-name"], "a");
        assert_eq!(headers["spin-path-match-kind"], "tar.gz");
    }

    /// The host and the target of a request once it was looked at.
    fn looked_at(uri: &str, host: &str, called: bool) -> (Option<HeaderValue>, String) {
        let request = Request::builder().uri(uri).header(header::HOST, host);
        let (mut head, ()) = request.body(()).expect("it is a request").into_parts();
        if called {
            let component = stoa_manifest::ComponentId::new("a").expect("it is an id");
            head.extensions.insert(Matched::called(component));
        }
        disown(&mut head);
        (
            head.headers.get(header::HOST).cloned(),
            head.uri.to_string(),
        )
    }

    #[test]
    fn the_host_of_a_component_is_taken_from_whoever_is_none() {
        for host in ["b.spin.internal", "B.Spin.Internal:80", "spin.internal."] {
            let (seen, target) = looked_at("/x?y", host, false);
            assert_eq!((seen, target.as_str()), (None, "/x?y"), "{host}");
            let uri = format!("http://{host}/x?y");
            let (seen, target) = looked_at(&uri, host, false);
            assert_eq!((seen, target.as_str()), (None, "/x?y"), "{host}");
        }
        let (seen, target) = looked_at("http://a.com/x", "a.com", false);
        assert_eq!(seen, Some(HeaderValue::from_static("a.com")));
        assert_eq!(target, "http://a.com/x");
    }

    #[test]
    fn a_component_that_calls_keeps_its_host() {
        let uri = "http://b.spin.internal/x";
        let (seen, target) = looked_at(uri, "b.spin.internal", true);
        assert!(seen.is_some());
        assert_eq!(target, uri);
    }

    #[test]
    fn a_component_that_is_called_is_told_that_it_answers_every_path() {
        let component = stoa_manifest::ComponentId::new("a").expect("it is an id");
        let mut headers = HeaderMap::new();
        let matched = Matched::called(component);
        matched.spin_headers().set(&mut headers, "/x/y/");
        assert_eq!(headers[&MATCHED_ROUTE], "/...");
        assert_eq!(headers[&RAW_COMPONENT_ROUTE], "/...");
        assert_eq!(headers[&COMPONENT_ROUTE], "");
        assert_eq!(headers[&PATH_INFO], "/x/y/");
        assert_eq!(headers[&BASE_PATH], "/");
    }

    #[test]
    fn what_a_client_sends_under_these_names_is_taken_out() {
        let mut headers = HeaderMap::new();
        for name in ["spin-path-match-id", "spin-x", "spinning"] {
            headers.append(name, HeaderValue::from_static("forged"));
            headers.append(name, HeaderValue::from_static("twice"));
        }
        strip(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["spinning"]);
    }
}
