//! The images of a product: taken once, shown as they came and as thumbnails.
//!
//! An image is known by the hash of its bytes, so what an address shows never changes and caches may keep it for ever.
//! The product's document decides which images there are; the bytes lie in a blob store. They are written before a
//! document names them and removed after none does, so that a crash leaves bytes that nobody names, and never a name
//! without bytes. Whoever uploads the file again takes those over.
//!
//! `place` reads the address, `upload`, `serve` and `removal` answer, `picture` reads a file and makes its thumbnails,
//! `media` knows the blob store. Images stay in the order they came in.

mod alpha;
mod format;
mod media;
mod picture;
mod place;
mod removal;
mod serve;
mod shown;
mod tag;
mod thumbnail;
mod upload;
mod whole;

use crate::product::Image;
use crate::router::not_allowed;
use crate::{catalogue, etag, preconditions};
use place::Place;
use stoa_sdk::http::{Method, Problem, Request, Response};

pub(crate) use media::forget;
pub(crate) use shown::Shown;

/// A product has at most so many, because every listing shows them all.
const IMAGES_MAX: usize = 8;

/// How often a change is decided anew because somebody else was faster.
const ATTEMPTS_MAX: usize = 5;

/// Answers a request below `/v1/products/{product}/images`; `rest` is what follows that and a slash.
pub(crate) async fn handle(
    request: Request,
    product: &str,
    rest: &str,
) -> Result<Response, Problem> {
    match Place::of(rest).ok_or_else(absent)? {
        Place::Collection => collection(request, product).await,
        Place::Original(image) => original(request, product, image).await,
        Place::Thumbnail(image, size) => thumbnail(request, product, image, size).await,
    }
}

async fn collection(request: Request, product: &str) -> Result<Response, Problem> {
    match request.method() {
        Method::Get => list(&request, product).await,
        Method::Post => upload::start(request, product).await,
        _ => Err(not_allowed("GET, HEAD, POST")),
    }
}

async fn original(request: Request, product: &str, image: &str) -> Result<Response, Problem> {
    match request.method() {
        Method::Get => serve::start(&request, product, image, None).await,
        Method::Delete => removal::start(&request, product, image).await,
        _ => Err(not_allowed("GET, HEAD, DELETE")),
    }
}

async fn thumbnail(
    request: Request,
    product: &str,
    image: &str,
    size: u32,
) -> Result<Response, Problem> {
    match request.method() {
        Method::Get => serve::start(&request, product, image, Some(size)).await,
        _ => Err(not_allowed("GET, HEAD")),
    }
}

/// The list changes with its product, so the product's entity tag is its own.
async fn list(request: &Request, product: &str) -> Result<Response, Problem> {
    let (stored, version) = catalogue::load(product).await?;
    preconditions::expect_match(request, version)?;
    let tag = etag::of(version);
    if preconditions::is_known(request, version) {
        return Ok(Response::new(304).header("etag", tag));
    }
    let shown = |image| Shown::of(product, image);
    let items: Vec<_> = stored.images.iter().map(shown).collect();
    Ok(Response::json(200, &serde_json::json!({ "items": items })).header("etag", tag))
}

fn find<'a>(images: &'a [Image], image: &str) -> Option<&'a Image> {
    images.iter().find(|known| known.id == image)
}

fn absent() -> Problem {
    Problem::new(404).detail("the product has no such image")
}
