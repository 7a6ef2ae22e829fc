//! Requests that components send inside their application. Whoever runs the components hands them in here; nobody else
//! can, because no connection leads here.
//!
//! A component that is called by its name is called past all routes: no filter of routes sees the request, and what goes
//! wrong is told as to any client. A request to the application itself is one like any other, and goes through the whole
//! [`stack`](crate::stack()).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::task::{Context, Poll};

use http::uri::Scheme;
use http::{Request, Response};
use http_body_util::Either;
use stoa_manifest::ComponentId;
use tower::{Layer, Service, ServiceBuilder, layer::layer_fn};

use crate::body::RequestBody;
use crate::connection::Connected;
use crate::filters::{self, After, Then};
use crate::rescue::{self, Failure, Rejection};
use crate::router::Matched;
use crate::stack::{Inner, Public, PublicBody};

/// Spin's word for a client that has no address.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

static CALLER: LazyLock<Connected> = LazyLock::new(|| Connected::new(Scheme::HTTP, NOWHERE));
static SECURE_CALLER: LazyLock<Connected> =
    LazyLock::new(|| Connected::new(Scheme::HTTPS, NOWHERE));

/// Readies a request for [`stack`]: it is for this component. As in Spin its scheme is HTTP, whatever its URL says.
pub fn call(request: &mut Request<RequestBody>, component: ComponentId) {
    let extensions = request.extensions_mut();
    extensions.insert(CALLER.clone());
    extensions.insert(Matched::called(component));
}

/// Readies a request for the [whole stack](crate::stack()) of its release. Its scheme is that of its URL.
pub fn reenter(request: &mut Request<RequestBody>) {
    let caller = match request.uri().scheme() == Some(&Scheme::HTTPS) {
        true => &SECURE_CALLER,
        false => &CALLER,
    };
    let caller = Connected::clone(caller);
    request.extensions_mut().insert(caller);
}

/// The life of a request that one component sends to another, outermost layer first: always answers. One per release and
/// core.
pub fn stack<S: Inner>(inner: S) -> Public<S::Body> {
    let service = ServiceBuilder::new()
        // Turns the failures below into a response, as for a client.
        .layer(rescue::layer())
        .layer(layer())
        .layer(filters::spin_headers::layer())
        .service(inner);
    Public::new(service)
}

fn layer<S>() -> impl Layer<S, Service = Direct<S>> + Clone {
    layer_fn(Direct)
}

/// Puts the inner service's words into those of the filters, where there is no filter of a route to do so.
#[derive(Clone)]
struct Direct<S>(S);

impl<S, B> Service<Request<RequestBody>> for Direct<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Failure>,
{
    type Response = Response<PublicBody<B>>;
    type Error = Rejection;
    type Future = Then<S::Future, Told, Result<Self::Response, Rejection>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.0.poll_ready(cx).map_err(Rejection::Failed)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        Then::new(self.0.call(request), Told)
    }
}

struct Told;

impl<B> After<Result<Response<B>, Failure>> for Told {
    type Output = Result<Response<PublicBody<B>>, Rejection>;

    fn after(self, outcome: Result<Response<B>, Failure>) -> Self::Output {
        outcome
            .map(|response| response.map(Either::Right))
            .map_err(Rejection::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::StatusCode;
    use http_body_util::Full;
    use tower::ServiceExt;

    fn id() -> ComponentId {
        ComponentId::new("orders").expect("it is an id")
    }

    fn request(uri: &str) -> Request<RequestBody> {
        let body = RequestBody::from(Bytes::new());
        let request = Request::builder()
            .uri(uri)
            .header("spin-client-addr", "10.0.0.1:80");
        request.body(body).expect("it is a request")
    }

    /// Answers with who was meant and what the request says of its client, unless it is to fail.
    async fn seen(request: Request<RequestBody>) -> Result<Response<Full<Bytes>>, Failure> {
        if request.uri().path() == "/fails" {
            return Err(Failure::Broken);
        }
        let matched = request.extensions().get::<Matched>();
        let component = matched.map_or("nobody", |matched| matched.component().as_str());
        let header = |name: &str| {
            let value = request.headers().get(name).map(|value| value.to_str());
            value.and_then(Result::ok).unwrap_or("nothing").to_owned()
        };
        let (client, url) = (header("spin-client-addr"), header("spin-full-url"));
        let said = format!("{component} {client} {url}");
        Ok(Response::new(Full::new(Bytes::from(said))))
    }

    async fn answered(uri: &str) -> (StatusCode, String) {
        let mut request = request(uri);
        call(&mut request, id());
        let answer = stack(tower::service_fn(seen)).oneshot(request).await;
        let Ok(response) = answer;
        let (head, body) = response.into_parts();
        let body = http_body_util::BodyExt::collect(body).await;
        let body = body.unwrap_or_else(|error| panic!("{error}")).to_bytes();
        (head.status, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn what_fails_is_told_as_to_a_client() {
        let (status, said) = answered("http://orders.spin.internal/fails").await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(said.contains("the service failed"), "{said}");
    }

    #[tokio::test]
    async fn a_call_is_for_its_component_and_has_no_client() {
        let (status, said) = answered("https://orders.spin.internal/x?y").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(said, "orders 0.0.0.0:0 http://orders.spin.internal/x?y");
    }

    #[test]
    fn a_request_to_the_application_keeps_the_scheme_of_its_url() {
        for (uri, scheme) in [
            ("http://shop.example/", Scheme::HTTP),
            ("https://shop.example/", Scheme::HTTPS),
        ] {
            let mut request = request(uri);
            reenter(&mut request);
            let connected = request.extensions().get::<Connected>();
            assert_eq!(connected.map(|it| it.scheme.clone()), Some(scheme));
        }
    }
}
