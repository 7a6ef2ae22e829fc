//! An image as clients see it.

use super::thumbnail::SIZES;
use crate::product::Image;
use serde::Serialize;
use std::collections::BTreeMap;

/// What clients see of an image: in its product, in the list of images, and as the answer to its upload.
#[derive(Serialize)]
pub(crate) struct Shown<'a> {
    id: &'a str,
    /// Where the original is.
    href: String,
    content_type: &'a str,
    /// In pixels, as it is to be seen; also `height`.
    width: u32,
    height: u32,
    /// The size of the original.
    bytes: u64,
    /// Where the thumbnails are, by the longest side that they may have.
    thumbnails: BTreeMap<u32, String>,
}

impl<'a> Shown<'a> {
    pub(crate) fn of(product: &str, image: &'a Image) -> Self {
        let href = href(product, &image.id);
        let thumbnails = SIZES.map(|size| (size, format!("{href}/{size}")));
        Self {
            id: &image.id,
            href,
            content_type: &image.content_type,
            width: image.width,
            height: image.height,
            bytes: image.bytes,
            thumbnails: thumbnails.into(),
        }
    }
}

/// Where the original is.
pub(super) fn href(product: &str, image: &str) -> String {
    format!("/v1/products/{product}/images/{image}")
}
