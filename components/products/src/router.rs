//! From method and path to endpoint. `HEAD` is the SDK's: it arrives here as `GET`.

use crate::{catalogue, categories, images, import, listing, reservations};
use stoa_sdk::http::{Method, Problem, Request, Response};

/// What the service can be asked, as the OpenAPI document says.
const OPENAPI: &str = include_str!("../openapi.json");

/// A path as the OpenAPI document writes it, and the methods that it takes.
pub(crate) struct Route {
    pub(crate) template: &'static str,
    pub(crate) allowed: &'static str,
    endpoint: Endpoint,
}

#[derive(Clone, Copy)]
enum Endpoint {
    Products,
    Import,
    OpenApi,
    Product,
    Reservation,
    Confirm,
    Release,
    Categories,
    Category,
}

/// Every path but those of images, which are theirs. The first that fits is meant.
pub(crate) static ROUTES: [Route; 9] = [
    route("/v1/products", "GET, HEAD, POST", Endpoint::Products),
    route("/v1/products:import", "POST", Endpoint::Import),
    route("/v1/products/openapi.json", "GET, HEAD", Endpoint::OpenApi),
    route(
        "/v1/products/{id}",
        "GET, HEAD, PATCH, DELETE",
        Endpoint::Product,
    ),
    route(
        "/v1/products/{id}/reservations/{reservation}:confirm",
        "POST",
        Endpoint::Confirm,
    ),
    route(
        "/v1/products/{id}/reservations/{reservation}:release",
        "POST",
        Endpoint::Release,
    ),
    route(
        "/v1/products/{id}/reservations/{reservation}",
        "GET, HEAD, PUT",
        Endpoint::Reservation,
    ),
    route("/v1/categories", "GET, HEAD", Endpoint::Categories),
    route(
        "/v1/categories/{slug}",
        "GET, HEAD, PUT, DELETE",
        Endpoint::Category,
    ),
];

const fn route(template: &'static str, allowed: &'static str, endpoint: Endpoint) -> Route {
    Route {
        template,
        allowed,
        endpoint,
    }
}

/// Answers one request.
pub(crate) async fn handle(request: Request) -> Response {
    dispatch(request).await.unwrap_or_else(Response::from)
}

async fn dispatch(request: Request) -> Result<Response, Problem> {
    let path = request.path().to_owned();
    if let Some((id, rest)) = image(&path) {
        return images::handle(request, id, rest).await;
    }
    let found = ROUTES.iter().find_map(|route| {
        let parameters = parameters(route.template, &path)?;
        Some((route, parameters))
    });
    let (route, parameters) = found.ok_or_else(|| Problem::new(404))?;
    let [first, second] = parameters;
    match endpoint(route.endpoint, request, first, second).await? {
        Some(response) => Ok(response),
        None => Err(not_allowed(route.allowed)),
    }
}

/// `None` for a method that the endpoint does not take.
async fn endpoint(
    endpoint: Endpoint,
    request: Request,
    first: &str,
    second: &str,
) -> Result<Option<Response>, Problem> {
    let method = request.method().clone();
    let response = match (endpoint, method) {
        (Endpoint::Products, Method::Get) => listing::list(&request).await,
        (Endpoint::Products, Method::Post) => catalogue::create(request).await,
        (Endpoint::Import, Method::Post) => import::start(request),
        (Endpoint::OpenApi, Method::Get) => Ok(openapi()),
        (Endpoint::Product, Method::Get) => catalogue::get(&request, first).await,
        (Endpoint::Product, Method::Patch) => catalogue::patch(request, first).await,
        (Endpoint::Product, Method::Delete) => catalogue::delete(&request, first).await,
        (Endpoint::Reservation, Method::Get) => reservations::get(first, second).await,
        (Endpoint::Reservation, Method::Put) => reservations::reserve(request, first, second).await,
        (Endpoint::Confirm, Method::Post) => reservations::confirm(first, second).await,
        (Endpoint::Release, Method::Post) => reservations::release(first, second).await,
        (Endpoint::Categories, Method::Get) => categories::list().await,
        (Endpoint::Category, Method::Get) => categories::get(&request, first).await,
        (Endpoint::Category, Method::Put) => categories::put(request, first).await,
        (Endpoint::Category, Method::Delete) => categories::delete(&request, first).await,
        _ => return Ok(None),
    };
    response.map(Some)
}

/// Answers that a method does not fit; `allowed` are those that would.
pub(crate) fn not_allowed(allowed: &str) -> Problem {
    Problem::new(405)
        .detail(format!("only {allowed} here"))
        .header("allow", allowed)
}

fn openapi() -> Response {
    Response::new(200)
        .header("content-type", "application/json")
        .header("cache-control", "public, max-age=300")
        .body(OPENAPI)
}

/// The product whose images are meant, and what follows.
fn image(path: &str) -> Option<(&str, &str)> {
    let (id, rest) = path.strip_prefix("/v1/products/")?.split_once('/')?;
    match rest.strip_prefix("images")? {
        "" => Some((id, "")),
        // Nothing behind the slash would be a second name for them all.
        rest => Some((id, rest.strip_prefix('/').filter(|rest| !rest.is_empty())?)),
    }
}

/// What stands for the parameters of a template, of which none has more than two; `None` if the path does not fit.
fn parameters<'p>(template: &str, path: &'p str) -> Option<[&'p str; 2]> {
    let mut found = [""; 2];
    let mut places = found.iter_mut();
    let (mut names, mut segments) = (template.split('/'), path.split('/'));
    loop {
        match (names.next(), segments.next()) {
            (None, None) => return Some(found),
            (Some(name), Some(segment)) => {
                if let Some(value) = parameter(name, segment)? {
                    *places.next()? = value;
                }
            }
            _ => return None,
        }
    }
}

/// What stands for `{name}` or `{name}:verb`, or nothing where the segment is as it is written; `None` if it does not
/// fit. No parameter has a colon in it.
fn parameter<'p>(name: &str, segment: &'p str) -> Option<Option<&'p str>> {
    let Some((_, verb)) = name.split_once('}') else {
        return (name == segment).then_some(None);
    };
    let value = segment.strip_suffix(verb)?;
    let fits = !value.is_empty() && !value.contains(':');
    fits.then_some(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_fits_what_it_describes() {
        let template = "/v1/products/{id}/reservations/{reservation}:confirm";
        let fits = |path| parameters(template, path);
        assert_eq!(
            fits("/v1/products/1/reservations/r.1:confirm"),
            Some(["1", "r.1"])
        );
        for path in [
            "/v1/products/1/reservations/r",
            "/v1/products/1/reservations/:confirm",
            "/v1/products/1/reservations/a:b:confirm",
            "/v1/products//reservations/r:confirm",
            "/v1/products/1/reservations/r:confirm/",
            "/v1/products/1/reservations",
        ] {
            assert_eq!(fits(path), None, "{path}");
        }
    }

    #[test]
    fn images_are_theirs_from_the_collection_on() {
        assert_eq!(image("/v1/products/1/images"), Some(("1", "")));
        assert_eq!(image("/v1/products/1/images/a/b"), Some(("1", "a/b")));
        for path in [
            "/v1/products/1",
            "/v1/products/1/images/",
            "/v1/products/1/imagesx",
            "/v1/images/1",
        ] {
            assert_eq!(image(path), None, "{path}");
        }
    }
}
