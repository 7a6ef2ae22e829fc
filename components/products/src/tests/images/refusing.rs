//! Uploads and other requests that are refused.

use super::{FORMATS, blob, delete, file, listed, picture, png, upload, uploaded, uploading};
use crate::tests::{created, etag, get, handle, status};
use image::ImageFormat;
use stoa_sdk::http::Method;
use stoa_sdk::testing::Call;

const FILE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The check sum of PNG chunks.
fn crc(bytes: &[u8]) -> u32 {
    let step = |sum: u32| (sum >> 1) ^ (0xedb8_8320 * (sum & 1));
    let add = |sum: u32, byte: &u8| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum));
    !bytes.iter().fold(!0, add)
}

/// A small file that says of itself that it is large.
fn vast_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(1);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn vast_jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = file(ImageFormat::Jpeg, &picture(20, 10, 1));
    let frame = bytes.windows(3).position(|head| head == [0xff, 0xc0, 0]);
    let at = frame.expect("a frame") + 5;
    bytes[at..at + 2].copy_from_slice(&height.to_be_bytes());
    bytes[at + 2..at + 4].copy_from_slice(&width.to_be_bytes());
    bytes
}

fn vast_webp(side: u32) -> Vec<u8> {
    let mut bytes = file(ImageFormat::WebP, &picture(20, 10, 1));
    assert_eq!(&bytes[12..16], b"VP8L");
    let sides = (side - 1) | ((side - 1) << 14);
    bytes[21..25].copy_from_slice(&sides.to_le_bytes());
    bytes
}

#[test]
fn refused_when_the_bytes_are_not_what_was_declared() {
    let product = created("A-1");
    for (declared, bytes) in [
        (ImageFormat::Jpeg, png(1)),
        (ImageFormat::Png, b"<svg onload='alert(1)'/>".to_vec()),
        (ImageFormat::WebP, b"RIFF\0\0\0\0WAVE".to_vec()),
        (ImageFormat::Png, Vec::new()),
    ] {
        assert_eq!(status(&upload(&product, declared, bytes)), 415);
    }
    assert!(listed(&product).is_empty());
}

#[test]
fn refused_when_the_format_is_not_taken() {
    let target = format!("{}/images", created("A-1"));
    for declared in ["image/svg+xml", "image/gif", "application/octet-stream", ""] {
        let answer = Call::post(&target, declared, png(1)).send(handle);
        let accepted = Some("image/jpeg, image/png, image/webp");
        assert_eq!((status(&answer), answer.header("accept")), (415, accepted));
    }
    let compressed = Call::post(&target, "image/png", png(1)).header("content-encoding", "gzip");
    assert_eq!(status(&compressed.send(handle)), 415);
}

#[test]
fn refused_when_the_file_is_cut_short() {
    let product = created("A-1");
    for format in FORMATS {
        let bytes = file(format, &picture(200, 100, 1));
        for end in [16, bytes.len() / 2, bytes.len() - 1] {
            let answer = upload(&product, format, &bytes[..end]);
            assert_eq!(status(&answer), 422, "{format:?} {end}");
        }
    }
    assert!(listed(&product).is_empty());
}

#[test]
fn refused_when_the_file_is_damaged() {
    let mut bytes = png(1);
    // Within the first chunk of pixels.
    bytes[45] ^= 0xff;
    assert_eq!(
        status(&upload(&created("A-1"), ImageFormat::Png, bytes)),
        422
    );
}

#[test]
fn refused_when_the_picture_is_vast_before_it_is_decoded() {
    let product = created("A-1");
    for (format, bytes) in [
        (ImageFormat::Png, vast_png(8193, 1)),
        (ImageFormat::Png, vast_png(8000, 5001)),
        (ImageFormat::Jpeg, vast_jpeg(1, 8193)),
        (ImageFormat::Jpeg, vast_jpeg(8000, 8000)),
        (ImageFormat::WebP, vast_webp(8192)),
    ] {
        let answer = upload(&product, format, bytes);
        assert_eq!(status(&answer), 422);
        // Decoded, these would only be damaged.
        assert!(answer.text().contains("at most 8192 pixels"), "{format:?}");
    }
}

#[test]
fn refused_when_the_file_is_too_large() {
    let product = created("A-1");
    let mut bytes = png(1);
    bytes.resize(FILE_BYTES_MAX + 1, 0);
    assert_eq!(
        status(&upload(&product, ImageFormat::Png, bytes.clone())),
        413
    );
    bytes.truncate(FILE_BYTES_MAX);
    assert_eq!(upload(&product, ImageFormat::Png, bytes).status, 201);
}

#[test]
fn refused_when_the_file_breaks_off() {
    let product = created("A-1");
    let broken = uploading(&product, ImageFormat::Png, png(1)).breaking_off();
    assert_eq!(status(&broken.send(handle)), 400);
    assert!(listed(&product).is_empty());
}

#[test]
fn refused_when_there_are_too_many() {
    let product = created("A-1");
    for shade in 0..8 {
        uploaded(&product, shade);
    }
    assert_eq!(status(&upload(&product, ImageFormat::Png, png(8))), 409);
    // One of them again is no more.
    assert_eq!(upload(&product, ImageFormat::Png, png(7)).status, 200);
    assert_eq!(listed(&product).len(), 8);
}

#[test]
fn refused_when_there_is_no_such_product() {
    for id in ["ba7816bf8f01cfea414140de5dae2223", "..", "1"] {
        let product = format!("/v1/products/{id}");
        assert_eq!(status(&upload(&product, ImageFormat::Png, png(1))), 404);
        assert_eq!(status(&get(&format!("{product}/images"))), 404);
    }
}

#[test]
fn refused_when_there_is_no_such_image_or_size() {
    let product = created("A-1");
    let location = uploaded(&product, 1);
    let elsewhere = uploaded(&created("A-2"), 2);
    let foreign = elsewhere.replace(elsewhere.split("/images/").next().unwrap_or(""), &product);
    for target in [
        foreign,
        format!("{location}/161"),
        format!("{location}/0160"),
        format!("{location}/160/"),
        format!("{location}/160/160"),
        format!("{location}/.."),
        format!("{product}/images/"),
        format!("{product}/images/.."),
        format!("{product}/images/%2e%2e%2f{}", blob(&elsewhere)),
        format!("{product}/images/../../{}", blob(&elsewhere)),
    ] {
        assert_eq!(status(&get(&target)), 404, "{target}");
        assert_eq!(status(&delete(&target).send(handle)), 404, "{target}");
    }
    assert_eq!(get(&elsewhere).status, 200);
}

#[test]
fn another_method_is_told_which_are_allowed() {
    let product = created("A-1");
    let location = uploaded(&product, 1);
    for (target, allowed) in [
        (format!("{product}/images"), "GET, HEAD, POST"),
        (location.clone(), "GET, HEAD, DELETE"),
        (format!("{location}/160"), "GET, HEAD"),
    ] {
        let answer = Call::new(Method::Put, &target).send(handle);
        assert_eq!(
            (status(&answer), answer.header("allow")),
            (405, Some(allowed))
        );
    }
}

#[test]
fn refused_when_the_condition_does_not_hold() {
    let product = created("A-1");
    let stale = etag(&get(&product));
    let location = uploaded(&product, 1);
    let upload = uploading(&product, ImageFormat::Png, png(2)).header("if-match", stale);
    assert_eq!(status(&upload.send(handle)), 412);
    for (header, value) in [("if-match", "\"0\""), ("if-none-match", "*")] {
        let answer = delete(&location).header(header, value).send(handle);
        assert_eq!(status(&answer), 412, "{header}");
    }
    let answer = Call::get(&location)
        .header("if-match", "\"0\"")
        .send(handle);
    assert_eq!(status(&answer), 412);
    assert_eq!(listed(&product).len(), 1);
}
