//! `POST /v1/products/{product}/images`: the body is the file.
//!
//! What costs little is judged first: the product, the declared format, the size, the bytes. The picture is decoded
//! only when there is room for it.

use super::media::{File, Media};
use super::picture::{self, Picture};
use super::{ATTEMPTS_MAX, IMAGES_MAX, Shown, find, format, shown};
use crate::product::{Image, Stored};
use crate::{catalogue, faults, hex, media, preconditions};
use image::ImageFormat;
use sha2::{Digest, Sha256};
use stoa_sdk::clock;
use stoa_sdk::http::{Problem, Request, Response};

/// The largest file that is taken.
const FILE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// 128 bits of the hash: two images will not meet.
const ID_BYTES: usize = 16;

/// Takes a file. The same file again is the same image.
pub(super) async fn start(mut request: Request, product: &str) -> Result<Response, Problem> {
    let (stored, version) = catalogue::load(product).await?;
    preconditions::expect_change(&request, version)?;
    let format = format::declared(&request)?;
    let bytes = body(&mut request, format).await?;
    let id = id(&bytes);
    match find(&stored.images, &id) {
        // The bytes are missing only where somebody removed the image while somebody else uploaded it.
        Some(known) if Media::open()?.has(product, &id).await? => Ok(told(200, product, known)),
        Some(_) => take(&request, product, id, format, bytes).await,
        None => {
            expect_room(&stored)?;
            take(&request, product, id, format, bytes).await
        }
    }
}

async fn body(request: &mut Request, format: ImageFormat) -> Result<Vec<u8>, Problem> {
    media::expect_identity(request)?;
    let bytes = request.body().bytes(FILE_BYTES_MAX).await;
    let bytes = bytes.map_err(|error| faults::body(&error))?;
    format::expect(format, &bytes)?;
    Ok(bytes)
}

/// The bytes first, the name second.
async fn take(
    request: &Request,
    product: &str,
    id: String,
    format: ImageFormat,
    original: Vec<u8>,
) -> Result<Response, Problem> {
    let Picture {
        width,
        height,
        thumbnails,
    } = picture::read(format, &original)?;
    let content_type = format.to_mime_type();
    let image = Image {
        id,
        content_type: content_type.to_owned(),
        width,
        height,
        bytes: original.len() as u64,
    };
    let file = File {
        content_type,
        original,
        thumbnails,
    };
    Media::open()?.keep(product, &image.id, file).await?;
    for _ in 0..ATTEMPTS_MAX {
        if let Some(response) = name(request, product, &image).await? {
            return Ok(response);
        }
    }
    Err(faults::busy())
}

/// `None` if somebody else changed the product meanwhile.
async fn name(
    request: &Request,
    product: &str,
    image: &Image,
) -> Result<Option<Response>, Problem> {
    let (mut stored, version) = catalogue::load(product).await?;
    if let Some(known) = find(&stored.images, &image.id) {
        return Ok(Some(told(200, product, known)));
    }
    preconditions::expect_change(request, version)?;
    expect_room(&stored)?;
    stored.images.push(image.clone());
    stored.updated = clock::now().to_string();
    let saved = catalogue::save(product, &stored, version).await?;
    Ok(saved.map(|_| told(201, product, image)))
}

fn told(status: u16, product: &str, image: &Image) -> Response {
    let response = Response::json(status, &Shown::of(product, image));
    response.header("location", shown::href(product, &image.id))
}

fn expect_room(stored: &Stored) -> Result<(), Problem> {
    match stored.images.len() < IMAGES_MAX {
        true => Ok(()),
        false => {
            let detail = format!("the product has {IMAGES_MAX} images, which is the most");
            Err(Problem::new(409).detail(detail))
        }
    }
}

fn id(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes).iter().copied().take(ID_BYTES))
}
