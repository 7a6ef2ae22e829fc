//! Small pictures of a large one.

use super::alpha;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ImageEncoder, imageops};

/// The longest side of each, in pixels.
pub(super) const SIZES: [u32; 3] = [160, 480, 960];

/// Twice the largest thumbnail. Down to here a picture is reduced by averages, which need little memory; from here the
/// finer filter, whose memory grows with the picture.
const SIDE_PIXELS_MAX: u32 = 1920;

/// 1 to 100. Above this, files grow faster than anybody sees a difference.
const JPEG_QUALITY: u8 = 82;

/// A thumbnail, as it is stored and sent.
pub(super) struct Thumbnail {
    /// One of [`SIZES`].
    pub(super) size: u32,
    pub(super) content_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// A picture small enough to make thumbnails of. Where something shines through, its colours are multiplied by alpha.
pub(super) struct Reduced(DynamicImage);

/// The size that is written like this.
pub(super) fn size(text: &str) -> Option<u32> {
    SIZES.into_iter().find(|size| size.to_string() == text)
}

impl Reduced {
    pub(super) fn new(pixels: DynamicImage) -> Self {
        if !pixels.color().has_alpha() {
            return Self(DynamicImage::ImageRgb8(averaged(pixels).into_rgb8()));
        }
        let mut pixels = pixels.into_rgba8();
        alpha::multiply(&mut pixels);
        let pixels = averaged(DynamicImage::ImageRgba8(pixels)).into_rgba8();
        let opaque = alpha::is_opaque(&pixels);
        let pixels = DynamicImage::ImageRgba8(pixels);
        Self(match opaque {
            true => DynamicImage::ImageRgb8(pixels.into_rgb8()),
            false => pixels,
        })
    }

    /// Turns it as its file says that it is to be seen.
    pub(super) fn turned(mut self, orientation: image::metadata::Orientation) -> Self {
        self.0.apply_orientation(orientation);
        self
    }

    /// One of [`SIZES`], in colours as the profile has them.
    pub(super) fn thumbnail(&self, size: u32, profile: &[u8]) -> Thumbnail {
        let (content_type, bytes) = match self.fitted(size) {
            DynamicImage::ImageRgba8(mut pixels) => {
                alpha::divide(&mut pixels);
                ("image/png", png(&DynamicImage::ImageRgba8(pixels), profile))
            }
            opaque => ("image/jpeg", jpeg(&opaque, profile)),
        };
        Thumbnail {
            size,
            content_type,
            bytes,
        }
    }

    /// Never larger than it is: that would only make the file larger.
    fn fitted(&self, size: u32) -> DynamicImage {
        match longest_side(&self.0) > size {
            true => self.0.resize(size, size, imageops::FilterType::Lanczos3),
            false => self.0.clone(),
        }
    }
}

fn averaged(pixels: DynamicImage) -> DynamicImage {
    match longest_side(&pixels) > SIDE_PIXELS_MAX {
        true => pixels.thumbnail(SIDE_PIXELS_MAX, SIDE_PIXELS_MAX),
        false => pixels,
    }
}

fn longest_side(pixels: &DynamicImage) -> u32 {
    pixels.width().max(pixels.height())
}

fn png(pixels: &DynamicImage, profile: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (compression, filter) = (CompressionType::Default, FilterType::Adaptive);
    let encoder = PngEncoder::new_with_quality(&mut bytes, compression, filter);
    encode(encoder, pixels, profile);
    bytes
}

fn jpeg(pixels: &DynamicImage, profile: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    encode(encoder, pixels, profile);
    bytes
}

fn encode(mut encoder: impl ImageEncoder, pixels: &DynamicImage, profile: &[u8]) {
    if !profile.is_empty() {
        encoder
            .set_icc_profile(profile.to_vec())
            .expect("JPEG and PNG have room for a profile");
    }
    pixels
        .write_with_encoder(encoder)
        .expect("a vector takes a small picture of 8 bits");
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    fn decoded(thumbnail: &Thumbnail) -> DynamicImage {
        image::load_from_memory(&thumbnail.bytes).expect("a picture")
    }

    #[test]
    fn the_longest_side_fits_and_nothing_vanishes() {
        let wide = Reduced::new(DynamicImage::ImageRgb8(RgbImage::new(2000, 4)));
        let small = decoded(&wide.thumbnail(160, &[]));
        assert_eq!((small.width(), small.height()), (160, 1));
    }

    #[test]
    fn a_small_picture_is_not_enlarged() {
        let small = Reduced::new(DynamicImage::ImageRgb8(RgbImage::new(20, 10)));
        for size in SIZES {
            let same = decoded(&small.thumbnail(size, &[]));
            assert_eq!((same.width(), same.height()), (20, 10));
        }
    }

    #[test]
    fn what_nobody_sees_does_not_shine_through_at_the_edges() {
        // An edge between the pixels of the thumbnail, so that it must mix.
        let picture = RgbaImage::from_fn(500, 20, |x, _| match x < 251 {
            true => Rgba([255, 0, 0, 255]),
            false => Rgba([0, 255, 0, 0]),
        });
        let reduced = Reduced::new(DynamicImage::ImageRgba8(picture));
        let thumbnail = reduced.thumbnail(160, &[]);
        assert_eq!(thumbnail.content_type, "image/png");
        let pixels = decoded(&thumbnail).into_rgba8();
        let mut mixed = 0;
        for Rgba([red, green, _, alpha]) in pixels.pixels() {
            mixed += u32::from((10..245).contains(alpha));
            assert_eq!(*green, 0);
            assert!(*alpha < 10 || *red > 230, "{red} at {alpha}");
        }
        assert_ne!(mixed, 0);
    }

    #[test]
    fn a_picture_that_hides_nothing_needs_no_alpha() {
        let opaque = RgbaImage::from_pixel(20, 10, Rgba([9, 9, 9, 255]));
        let reduced = Reduced::new(DynamicImage::ImageRgba8(opaque));
        assert_eq!(reduced.thumbnail(160, &[]).content_type, "image/jpeg");
    }

    #[test]
    fn colours_keep_their_profile() {
        use image::ImageDecoder;
        use std::io::Cursor;
        let grey = DynamicImage::ImageRgb8(RgbImage::from_pixel(20, 10, Rgb([9, 9, 9])));
        let thumbnail = Reduced::new(grey).thumbnail(160, b"a profile");
        let reader = image::ImageReader::with_format(
            Cursor::new(&thumbnail.bytes),
            image::ImageFormat::Jpeg,
        );
        let mut decoder = reader.into_decoder().expect("a picture");
        let profile = decoder.icc_profile().expect("readable");
        assert_eq!(profile.as_deref(), Some(b"a profile".as_slice()));
    }
}
