//! Colours that count as much as they can be seen.
//!
//! A pixel that nobody sees has a colour all the same. When pixels are mixed into smaller pictures, that colour must
//! not shine through at the edges, so colours are multiplied by their alpha before and divided by it after.

use image::{Rgba, RgbaImage};

/// Multiplies colours by their alpha.
pub(super) fn multiply(pixels: &mut RgbaImage) {
    for Rgba([colours @ .., alpha]) in pixels.pixels_mut() {
        for colour in colours {
            *colour = ratio(u32::from(*colour) * u32::from(*alpha), 255);
        }
    }
}

/// Undoes [`multiply`], as far as 8 bits allow.
pub(super) fn divide(pixels: &mut RgbaImage) {
    for Rgba([colours @ .., alpha]) in pixels.pixels_mut() {
        for colour in colours {
            *colour = ratio(u32::from(*colour) * 255, u32::from(*alpha));
        }
    }
}

/// Whether nothing shines through anywhere.
pub(super) fn is_opaque(pixels: &RgbaImage) -> bool {
    pixels.pixels().all(|Rgba([.., alpha])| *alpha == u8::MAX)
}

/// Rounded, and at most white: mixing may have made a colour brighter than its alpha. 0 where there is no alpha.
fn ratio(value: u32, of: u32) -> u8 {
    let rounded = (value + of / 2).checked_div(of).unwrap_or(0);
    u8::try_from(rounded).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(rgba: [u8; 4]) -> RgbaImage {
        RgbaImage::from_pixel(1, 1, Rgba(rgba))
    }

    #[test]
    fn what_nobody_sees_has_no_colour() {
        let mut pixels = pixel([200, 100, 50, 0]);
        multiply(&mut pixels);
        assert_eq!(pixels, pixel([0, 0, 0, 0]));
        divide(&mut pixels);
        assert_eq!(pixels, pixel([0, 0, 0, 0]));
    }

    #[test]
    fn an_opaque_colour_stays_what_it_is() {
        let mut pixels = pixel([200, 100, 50, 255]);
        multiply(&mut pixels);
        assert_eq!(pixels, pixel([200, 100, 50, 255]));
        assert!(is_opaque(&pixels));
    }

    #[test]
    fn a_colour_brighter_than_its_alpha_is_white() {
        let mut pixels = pixel([200, 100, 0, 100]);
        divide(&mut pixels);
        assert_eq!(pixels, pixel([255, 255, 0, 100]));
        assert!(!is_opaque(&pixels));
    }
}
