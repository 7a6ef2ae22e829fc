//! `GET /v1/products/{product}/images/{image}` and its thumbnails: the bytes, as they lie in the store.

use super::media::Media;
use super::{absent, find, tag};
use crate::catalogue;
use stoa_sdk::blobs::Reader;
use stoa_sdk::http::{Problem, Request, Response, Writer};

/// A year, the longest that caches understand: other bytes would have another address.
const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// Sends the original, or the thumbnail of this size.
pub(super) async fn start(
    request: &Request,
    product: &str,
    image: &str,
    size: Option<u32>,
) -> Result<Response, Problem> {
    let images = catalogue::images(product).await?;
    find(&images, image).ok_or_else(absent)?;
    let tag = tag::of(image, size);
    tag::expect_match(request, &tag)?;
    let response = match tag::is_known(request, &tag) {
        true => Response::new(304),
        false => streamed(Media::open()?.read(product, image, size).await?),
    };
    Ok(response
        .header("etag", tag)
        .header("cache-control", CACHE_CONTROL))
}

fn streamed(reader: Reader) -> Response {
    let content_type = reader.info().content_type.clone();
    let length = reader.remaining().to_string();
    Response::stream(200, move |writer| send(reader, writer))
        .header("content-type", content_type)
        .header("content-length", length)
        // A file that looks like a page to a guesser is still shown as the picture that it is.
        .header("x-content-type-options", "nosniff")
}

/// Cut short, the body is shorter than its head said, so that the client knows.
async fn send(mut reader: Reader, mut writer: Writer) {
    loop {
        match reader.chunk().await {
            Ok(Some(chunk)) => {
                // The client may be gone: then nobody wants the rest.
                if writer.write(chunk).await.is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                eprintln!("products: an image was cut short: {error}");
                return;
            }
        }
    }
}
