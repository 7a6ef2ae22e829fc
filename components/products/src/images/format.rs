//! Which files are taken, and how they are told apart.

use crate::media;
use image::ImageFormat;
use stoa_sdk::http::{Problem, Request};

/// What every browser shows.
const FORMATS: [ImageFormat; 3] = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP];

/// What the request says that its body is.
pub(super) fn declared(request: &Request) -> Result<ImageFormat, Problem> {
    let essence = media::essence(request);
    let named = FORMATS
        .into_iter()
        .find(|format| format.to_mime_type() == essence);
    named.ok_or_else(|| media::unsupported("accept", &FORMATS.map(|format| format.to_mime_type())))
}

/// Refuses bytes that are something else than was declared: browsers are told what was declared, and believe it.
pub(super) fn expect(declared: ImageFormat, bytes: &[u8]) -> Result<(), Problem> {
    match image::guess_format(bytes) {
        Ok(format) if format == declared => Ok(()),
        _ => {
            let declared = declared.to_mime_type();
            Err(Problem::new(415).detail(format!("the body is not {declared}")))
        }
    }
}
