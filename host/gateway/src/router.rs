//! Which route answers a request, by Spin's rules: exact segments before parameters before wildcards, and among
//! wildcards the longest prefix. A parameter with a text beside it, as in `:name.json`, comes before one that stands
//! alone.
//!
//! Paths are matched as they arrive: nothing is decoded or resolved, because the component sees the same bytes. What a
//! route protects must therefore not depend on another spelling of its path.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use stoa_manifest::ComponentId;
use stoa_manifest::http::{Route, StaticResponse, Target};
use stoa_manifest::pattern::{Part, Path, Pattern, Segment};
use tower::{Layer, Service, layer::layer_fn};

use crate::body::RequestBody;
use crate::filters::spin_headers::OfRoute;
use crate::filters::{After, Then};
use crate::metrics::GATEWAY_REQUESTS_TOTAL;
use crate::rescue::Rejection;
use crate::stack::PublicBody;

/// The routes of one release, ready to match on one core. Cheap to clone.
#[derive(Clone)]
pub struct Routes {
    root: Arc<Node>,
}

/// Who answers a request, and by which route. In the extensions of every request that reaches the inner service.
#[derive(Clone)]
pub struct Matched(By);

#[derive(Clone)]
enum By {
    Route(Arc<Served>),
    /// Another component called this one by its name.
    Name(ComponentId),
}

/// What a component that was called by its name is told of its route: as in Spin, that it answers every path.
static CALLED: LazyLock<OfRoute> =
    LazyLock::new(|| OfRoute::new(&Path::parse("/...").expect("it is a route")));

impl Matched {
    /// Stands for the route of a request that another component sends to this one.
    pub(crate) fn called(component: ComponentId) -> Self {
        Self(By::Name(component))
    }

    /// The component that answers.
    pub fn component(&self) -> &ComponentId {
        match &self.0 {
            By::Route(route) => &route.component,
            By::Name(component) => component,
        }
    }

    /// Whether another component called this one by its name.
    pub(crate) fn is_called(&self) -> bool {
        matches!(self.0, By::Name(_))
    }

    pub(crate) fn request_body_bytes_max(&self) -> Option<u64> {
        match &self.0 {
            By::Route(route) => route.request_body_bytes_max,
            By::Name(_) => None,
        }
    }

    pub(crate) fn spin_headers(&self) -> &OfRoute {
        match &self.0 {
            By::Route(route) => &route.spin_headers,
            By::Name(_) => &CALLED,
        }
    }
}

/// A route's id on its way out, for the log and the counters.
#[derive(Clone)]
pub(crate) struct RouteId(Arc<Entry>);

impl RouteId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0.id
    }

    pub(crate) fn count(&self, status: StatusCode) {
        self.0.answered[usize::from(status.as_u16() / 100).clamp(1, 5) - 1].increment(1);
    }
}

/// A status class, as the label of a counter.
pub(crate) fn class(status: StatusCode) -> &'static str {
    CLASSES[usize::from(status.as_u16() / 100).clamp(1, 5) - 1]
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

struct Entry {
    id: String,
    answer: Answer,
    /// Registered with the route, so that counting a request formats nothing.
    answered: [metrics::Counter; CLASSES.len()],
}

enum Answer {
    Component(Arc<Served>),
    Static {
        status: StatusCode,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
    },
}

/// A component behind a route.
struct Served {
    component: ComponentId,
    request_body_bytes_max: Option<u64>,
    spin_headers: OfRoute,
}

#[derive(Default)]
struct Node {
    literals: HashMap<String, Node>,
    /// In the order in which they are tried. Few routes have any.
    mixed: Vec<Mixed>,
    parameter: Option<Box<Node>>,
    here: Option<Arc<Entry>>,
    below: Option<Arc<Entry>>,
}

/// What follows a segment with dots between texts and parameters.
struct Mixed {
    /// The texts; `None` stands for a parameter.
    parts: Vec<Option<String>>,
    node: Node,
}

impl Routes {
    /// Builds the tree. Private routes are not in it: nobody outside can reach them.
    pub fn new(routes: &[Route]) -> Self {
        let mut root = Node::default();
        for route in routes {
            if let Pattern::Public(path) = &route.pattern {
                root.insert(path, Arc::new(Entry::new(route, path)));
            }
        }
        Self {
            root: Arc::new(root),
        }
    }

    /// The component that answers this path, if one does.
    pub fn component(&self, path: &str) -> Option<&ComponentId> {
        match &self.find(path)?.answer {
            Answer::Component(served) => Some(&served.component),
            Answer::Static { .. } => None,
        }
    }

    fn find(&self, path: &str) -> Option<&Arc<Entry>> {
        // A trailing slash does not tell two paths apart, as in Spin.
        let path = path.trim_matches('/');
        let mut segments = path.split('/');
        if path.is_empty() {
            segments.next();
        }
        self.root.find(segments)
    }
}

impl Node {
    /// The manifest has settled which of two routes of one shape counts.
    fn insert(&mut self, path: &Path, entry: Arc<Entry>) {
        let mut node = self;
        for segment in path.segments() {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::Mixed(parts) => node.mixed(parts),
                Segment::Parameter(_) => node.parameter.get_or_insert_default(),
            };
        }
        match path.wildcard() {
            true => node.below = Some(entry),
            false => node.here = Some(entry),
        }
    }

    /// The node behind a mixed segment.
    fn mixed(&mut self, parts: &[Part]) -> &mut Node {
        let parts: Vec<Option<String>> = parts.iter().map(text).collect();
        let found = self.mixed.iter().position(|mixed| mixed.parts == parts);
        let index = found.unwrap_or_else(|| {
            let mixed = Mixed {
                parts,
                node: Node::default(),
            };
            let index = self
                .mixed
                .partition_point(|other| other.rank() <= mixed.rank());
            self.mixed.insert(index, mixed);
            index
        });
        &mut self.mixed[index].node
    }

    /// Tries the narrower branch first and comes back if it leads nowhere. It goes no deeper than the longest route,
    /// whatever a client sends.
    fn find<'n>(&'n self, mut rest: std::str::Split<'_, char>) -> Option<&'n Arc<Entry>> {
        let Some(segment) = rest.next() else {
            return self.here.as_ref().or(self.below.as_ref());
        };
        let literal = self
            .literals
            .get(segment)
            .and_then(|node| node.find(rest.clone()));
        literal
            .or_else(|| self.find_mixed(segment, &rest))
            .or_else(|| self.parameter.as_ref()?.find(rest))
            .or(self.below.as_ref())
    }

    fn find_mixed(&self, segment: &str, rest: &std::str::Split<'_, char>) -> Option<&Arc<Entry>> {
        let fitting = self.mixed.iter().filter(|mixed| mixed.fits(segment));
        fitting
            .map(|mixed| &mixed.node)
            .find_map(|node| node.find(rest.clone()))
    }
}

impl Mixed {
    /// Spin's order, least first: at the first difference, a text comes before a parameter, and either before the end.
    fn rank(&self) -> Vec<u8> {
        let ranks = self.parts.iter().map(|part| u8::from(part.is_none()));
        ranks.chain([2]).collect()
    }

    /// As in Spin, a parameter in front of a dot takes everything up to it, even nothing; one at the end takes the rest,
    /// dots included, but not nothing.
    fn fits(&self, segment: &str) -> bool {
        let last = self.parts.len() - 1;
        let mut pieces = segment.splitn(self.parts.len(), '.');
        let mut parts = self.parts.iter().enumerate();
        parts.all(|(index, part)| match (part, pieces.next()) {
            (Some(text), Some(piece)) => text == piece,
            (None, Some(piece)) => index < last || !piece.is_empty(),
            (_, None) => false,
        })
    }
}

/// The text of a part; `None` for a parameter.
fn text(part: &Part) -> Option<String> {
    match part {
        Part::Literal(text) => Some(text.clone()),
        Part::Parameter(_) => None,
    }
}

impl Entry {
    fn new(route: &Route, path: &Path) -> Self {
        let answer = match &route.target {
            Target::Component(component) => Answer::Component(Arc::new(Served {
                component: component.clone(),
                request_body_bytes_max: route.policy.request_body_bytes_max,
                spin_headers: OfRoute::new(path),
            })),
            Target::StaticResponse(response) => Answer::fixed(response),
        };
        let answered = CLASSES.map(|class| {
            metrics::counter!(GATEWAY_REQUESTS_TOTAL, "route" => route.id.clone(), "status" => class)
        });
        Self {
            id: route.id.clone(),
            answer,
            answered,
        }
    }
}

impl Answer {
    fn fixed(response: &StaticResponse) -> Self {
        let checked = "the manifest checks statuses and headers";
        let header = |(name, value): (&String, &String)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect(checked);
            (
                name,
                HeaderValue::from_bytes(value.as_bytes()).expect(checked),
            )
        };
        let status = StatusCode::from_u16(response.status_code).expect(checked);
        let headers = response.headers.iter().map(header).collect();
        Self::Static {
            status,
            headers,
            body: Bytes::from(response.body.clone()),
        }
    }
}

pub(crate) fn layer<S>(routes: Routes) -> impl Layer<S, Service = Router<S>> + Clone {
    layer_fn(move |inner| Router {
        inner,
        routes: routes.clone(),
    })
}

#[derive(Clone)]
pub(crate) struct Router<S> {
    inner: S,
    routes: Routes,
}

impl<S, B> Service<Request<RequestBody>> for Router<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Rejection>,
{
    type Response = Response<PublicBody<B>>;
    type Error = Rejection;
    type Future = Then<S::Future, RouteId, Result<Self::Response, Rejection>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        if *request.method() == Method::CONNECT {
            return Then::decided(Err(Rejection::Connect));
        }
        let Some(route) = self.routes.find(request.uri().path()) else {
            return Then::decided(Err(Rejection::NoRoute));
        };
        match &route.answer {
            Answer::Component(served) => {
                let matched = Matched(By::Route(Arc::clone(served)));
                request.extensions_mut().insert(matched);
                Then::new(self.inner.call(request), RouteId(Arc::clone(route)))
            }
            Answer::Static {
                status,
                headers,
                body,
            } => {
                let mut response = Response::new(Either::Left(Full::new(body.clone())));
                *response.status_mut() = *status;
                response.headers_mut().extend(headers.iter().cloned());
                response.extensions_mut().insert(RouteId(Arc::clone(route)));
                Then::decided(Ok(response))
            }
        }
    }
}

impl<B> After<Result<Response<B>, Rejection>> for RouteId {
    type Output = Result<Response<PublicBody<B>>, Rejection>;

    fn after(self, outcome: Result<Response<B>, Rejection>) -> Self::Output {
        let mut response = outcome?.map(Either::Right);
        response.extensions_mut().insert(self);
        Ok(response)
    }
}

#[cfg(test)]
mod tests;
