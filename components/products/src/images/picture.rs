//! From the bytes of a file to a picture's size and thumbnails, or to why not.
//!
//! A small file may hold a huge picture, so its size is read and judged before anything is decoded.

use super::thumbnail::{Reduced, SIZES, Thumbnail};
use super::whole;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::io::Cursor;
use stoa_sdk::http::Problem;

/// The longest side of a picture.
const SIDE_PIXELS_MAX: u32 = 8192;

/// The pixels of a picture.
const PIXELS_MAX: u64 = 40_000_000;

/// The decoded picture: the most pixels at four bytes each. With eight bytes each it may have half as many.
const DECODED_BYTES_MAX: u64 = 4 * PIXELS_MAX;

/// A profile is kept if it is not larger, so that it does not outweigh a thumbnail.
const PROFILE_BYTES_MAX: usize = 16 * 1024;

/// Where an ICC profile says which colours it is for.
const PROFILE_SPACE: std::ops::Range<usize> = 16..20;

/// What is known of a picture when its file was read.
pub(super) struct Picture {
    /// In pixels, as it is to be seen.
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) thumbnails: Vec<Thumbnail>,
}

/// Why a file is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It would need too much memory.
    TooLarge,
    /// It is cut short, broken, or moves.
    Unreadable,
}

/// Reads a file of this format.
pub(super) fn read(format: ImageFormat, bytes: &[u8]) -> Result<Picture, Refusal> {
    let mut decoder = decoder(format, bytes)?;
    let size = decoder.dimensions();
    expect_fit(size, decoder.total_bytes())?;
    if !whole::is_whole(format, bytes, size) {
        return Err(Refusal::Unreadable);
    }
    // One that cannot be read does not turn anything.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = profile(&mut decoder);
    let reduced = Reduced::new(DynamicImage::from_decoder(decoder)?).turned(orientation);
    let (width, height) = turned(size, orientation);
    Ok(Picture {
        width,
        height,
        thumbnails: SIZES
            .iter()
            .map(|size| reduced.thumbnail(*size, &profile))
            .collect(),
    })
}

/// Has read no more than the head of the file.
fn decoder(format: ImageFormat, bytes: &[u8]) -> Result<impl ImageDecoder, Refusal> {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(SIDE_PIXELS_MAX);
    limits.max_image_height = Some(SIDE_PIXELS_MAX);
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    Ok(reader.into_decoder()?)
}

fn expect_fit((width, height): (u32, u32), decoded_bytes: u64) -> Result<(), Refusal> {
    let pixels = u64::from(width) * u64::from(height);
    match pixels {
        0 => Err(Refusal::Unreadable),
        1..=PIXELS_MAX if decoded_bytes <= DECODED_BYTES_MAX => Ok(()),
        _ => Err(Refusal::TooLarge),
    }
}

/// What the file's colours mean, if that can be said of the thumbnails too: they have red, green and blue.
fn profile(decoder: &mut impl ImageDecoder) -> Vec<u8> {
    let profile = decoder.icc_profile().ok().flatten().unwrap_or_default();
    let fits = profile.len() <= PROFILE_BYTES_MAX
        && profile
            .get(PROFILE_SPACE)
            .is_some_and(|space| space == b"RGB ");
    match fits {
        true => profile,
        false => Vec::new(),
    }
}

fn turned((width, height): (u32, u32), orientation: Orientation) -> (u32, u32) {
    match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => (width, height),
    }
}

// === impl Refusal ===

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::TooLarge,
            _ => Self::Unreadable,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Problem::new(422).detail(match refusal {
            Refusal::TooLarge => format!(
                "the picture must have at most {SIDE_PIXELS_MAX} pixels a side, {PIXELS_MAX} in all, and \
                 {DECODED_BYTES_MAX} bytes when decoded"
            ),
            Refusal::Unreadable => {
                "the file is cut short or damaged, or holds a moving picture".to_owned()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_when_it_has_no_pixels_or_too_many() {
        assert_eq!(expect_fit((0, 8192), 0), Err(Refusal::Unreadable));
        assert_eq!(expect_fit((8000, 5000), DECODED_BYTES_MAX), Ok(()));
        assert_eq!(expect_fit((8000, 5001), 1), Err(Refusal::TooLarge));
        let deep = DECODED_BYTES_MAX + 1;
        assert_eq!(expect_fit((8000, 5000), deep), Err(Refusal::TooLarge));
    }
}
