//! Whether a file is there to its end.
//!
//! Decoders are kind to files that were cut short and fill the rest with grey, which is no picture of anything. Only
//! the outer structure is read here: its cost grows with the file, not with the picture.

use image::ImageFormat;

/// Signature, before the first chunk of a PNG.
const PNG_HEAD_BYTES: usize = 8;

/// A PNG chunk's length, kind and check sum.
const PNG_FRAME_BYTES: usize = 12;

/// `RIFF`, the length and `WEBP`.
const WEBP_HEAD_BYTES: usize = 12;

/// A WebP chunk's kind and length.
const WEBP_FRAME_BYTES: usize = 8;

/// Whether the file goes on to its own end and holds one picture of this size. Bytes behind its end do not matter.
pub(super) fn is_whole(format: ImageFormat, bytes: &[u8], size: (u32, u32)) -> bool {
    match format {
        ImageFormat::Jpeg => jpeg(bytes).is_some(),
        ImageFormat::Png => png(bytes).is_some(),
        // Its outer size may promise less than the picture inside needs.
        ImageFormat::WebP => webp(bytes) == Some(size),
        _ => false,
    }
}

/// Goes from marker to marker; what lies between them has none, because `ff` is followed by `00` there.
fn jpeg(bytes: &[u8]) -> Option<()> {
    let mut rest = bytes;
    loop {
        let at = rest.windows(2).position(is_marker)?;
        let (marker, after) = (rest[at + 1], &rest[at + 2..]);
        rest = match marker {
            0xd9 => return Some(()),
            // These stand alone.
            0x01 | 0xd0..=0xd8 => after,
            // The length counts itself. What a segment holds may look like an end: many hold a small JPEG.
            _ => after.get(usize::from(u16::from_be_bytes(*after.first_chunk()?))..)?,
        };
    }
}

fn is_marker(pair: &[u8]) -> bool {
    matches!(pair, [0xff, kind] if !matches!(kind, 0x00 | 0xff))
}

fn png(bytes: &[u8]) -> Option<()> {
    let mut rest = bytes.get(PNG_HEAD_BYTES..)?;
    loop {
        let length = usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()?;
        let kind = rest.get(4..8)?;
        rest = rest.get(length.checked_add(PNG_FRAME_BYTES)?..)?;
        if kind == b"IEND" {
            return Some(());
        }
    }
}

/// The size of the one picture in the file. One that moves is none.
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    let end = length(bytes.get(4..8)?)?.checked_add(8)?;
    let mut rest = bytes.get(WEBP_HEAD_BYTES..end)?;
    loop {
        let length = length(rest.get(4..8)?)?;
        let next = length.checked_add(WEBP_FRAME_BYTES)?;
        let content = rest.get(WEBP_FRAME_BYTES..next)?;
        match &rest[..4] {
            b"VP8 " => return lossy(content),
            b"VP8L" => return lossless(content),
            b"ANIM" | b"ANMF" => return None,
            // Chunks begin at even places.
            _ => rest = rest.get(next.checked_add(length % 2)?..)?,
        }
    }
}

fn length(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(*bytes.first_chunk()?)).ok()
}

/// 14 bits each, behind a tag and a start code of three bytes each.
fn lossy(content: &[u8]) -> Option<(u32, u32)> {
    let side = |bytes: &[u8]| {
        Some(u32::from(
            u16::from_le_bytes(*bytes.first_chunk()?) & 0x3fff,
        ))
    };
    Some((side(content.get(6..)?)?, side(content.get(8..)?)?))
}

/// 14 bits each and one less than they mean, behind a signature of one byte.
fn lossless(content: &[u8]) -> Option<(u32, u32)> {
    let bits = u32::from_le_bytes(*content.get(1..)?.first_chunk()?);
    Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;
    use std::io::Cursor;

    const SIZE: (u32, u32) = (20, 10);

    fn file(format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let pixels = RgbImage::from_fn(20, 10, |x, y| image::Rgb([x as u8 * 12, y as u8 * 25, 7]));
        pixels.write_to(&mut bytes, format).expect("written");
        bytes.into_inner()
    }

    #[test]
    fn refused_wherever_it_is_cut() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let bytes = file(format);
            assert!(is_whole(format, &bytes, SIZE), "{format:?}");
            for end in 0..bytes.len() {
                assert!(!is_whole(format, &bytes[..end], SIZE), "{format:?} {end}");
            }
        }
    }

    #[test]
    fn what_follows_the_end_does_not_matter() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let mut bytes = file(format);
            bytes.extend([0; 5]);
            assert!(is_whole(format, &bytes, SIZE), "{format:?}");
        }
    }

    #[test]
    fn an_end_inside_a_segment_is_none() {
        let comment = [0xff, 0xd8, 0xff, 0xfe, 0x00, 0x04, 0xff, 0xd9];
        assert_eq!(jpeg(&comment), None);
        assert_eq!(jpeg(&[&comment[..], &[0xff, 0xd9]].concat()), Some(()));
    }

    #[test]
    fn refused_when_the_inner_picture_has_another_size() {
        let bytes = file(ImageFormat::WebP);
        assert!(!is_whole(ImageFormat::WebP, &bytes, (20, 11)));
        let frame = [0, 0, 0, 0x9d, 0x01, 0x2a, 20, 0, 10, 0x40];
        assert_eq!(lossy(&frame), Some(SIZE));
    }

    #[test]
    fn refused_when_it_moves() {
        let holding = |kind: &[u8]| {
            let still = file(ImageFormat::WebP);
            [&still[..12], kind, &still[16..]].concat()
        };
        assert_eq!(webp(&holding(b"VP8L")), Some(SIZE));
        assert_eq!(webp(&holding(b"ANMF")), None);
    }
}
