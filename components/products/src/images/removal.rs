//! `DELETE /v1/products/{product}/images/{image}`

use super::{ATTEMPTS_MAX, absent, forget, tag};
use crate::{catalogue, faults};
use stoa_sdk::clock;
use stoa_sdk::http::{Problem, Request, Response};

/// Takes the image from its product, and only then its bytes. From the first step on it is gone for everybody.
pub(super) async fn start(
    request: &Request,
    product: &str,
    image: &str,
) -> Result<Response, Problem> {
    for _ in 0..ATTEMPTS_MAX {
        if unname(request, product, image).await? {
            forget(&format!("{product}/{image}")).await;
            return Ok(Response::new(204));
        }
    }
    Err(faults::busy())
}

/// False if somebody else changed the product meanwhile.
async fn unname(request: &Request, product: &str, image: &str) -> Result<bool, Problem> {
    let (mut stored, version) = catalogue::load(product).await?;
    let count = stored.images.len();
    stored.images.retain(|known| known.id != image);
    if stored.images.len() == count {
        return Err(absent());
    }
    tag::expect_change(request, &tag::of(image, None))?;
    stored.updated = clock::now().to_string();
    Ok(catalogue::save(product, &stored, version).await?.is_some())
}
