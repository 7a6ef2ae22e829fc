//! Images: refusing, taking, showing and removing them.

use super::{created, etag, get, handle, status};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageEncoder, ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use std::io::Cursor;
use stoa_sdk::blobs::{Container, Error, Store};
use stoa_sdk::http::Method;
use stoa_sdk::testing::{Answer, Call, blobs, block_on};

const FILE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What a crash may come between: three thumbnails and the original.
const BLOBS: usize = 4;

const FORMATS: [ImageFormat; 3] = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP];

/// A picture. Another shade makes it another file.
fn picture(width: u32, height: u32, shade: u8) -> DynamicImage {
    let pixel = |x: u32, y: u32| Rgb([(x % 256) as u8, (y % 256) as u8, shade]);
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, pixel))
}

fn file(format: ImageFormat, picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("written");
    bytes.into_inner()
}

fn png(shade: u8) -> Vec<u8> {
    file(ImageFormat::Png, &picture(20, 10, shade))
}

fn uploading(product: &str, format: ImageFormat, bytes: impl Into<Vec<u8>>) -> Call {
    Call::post(&format!("{product}/images"), format.to_mime_type(), bytes)
}

fn upload(product: &str, format: ImageFormat, bytes: impl Into<Vec<u8>>) -> Answer {
    uploading(product, format, bytes).send(handle)
}

/// Uploads a small image and says where it is.
fn uploaded(product: &str, shade: u8) -> String {
    let answer = upload(product, ImageFormat::Png, png(shade));
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.header("location").expect("created").to_owned()
}

fn listed(product: &str) -> Vec<Value> {
    let listing = get(&format!("{product}/images")).json();
    listing["items"].as_array().cloned().expect("a list")
}

fn delete(location: &str) -> Call {
    Call::new(Method::Delete, location)
}

fn container(name: &str) -> Container {
    let store = Store::open("media").expect("in memory every label is granted");
    store.container(name)
}

/// The name of an image's original in its container.
fn blob(location: &str) -> String {
    let name = location.replace("/images/", "/");
    name.replace("/v1/products/", "")
}

fn is_kept(container_name: &str, name: &str) -> bool {
    let info = block_on(container(container_name).head(name));
    info.expect("a name").is_some()
}

fn size(answer: &Answer) -> (u32, u32) {
    assert_eq!(answer.status, 200);
    let picture = image::load_from_memory(&answer.body).expect("a picture");
    (picture.width(), picture.height())
}

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

// === Refusing ===

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

// === Taking ===

#[test]
fn every_format_is_taken_and_shown_as_it_came() {
    let product = created("A-1");
    for format in FORMATS {
        let bytes = file(format, &picture(20, 10, 1));
        let answer = upload(&product, format, bytes.clone());
        let location = answer.header("location").expect("created").to_owned();
        let id = location.rsplit('/').next().expect("an id");
        let expected = json!({
            "id": id,
            "href": location,
            "content_type": format.to_mime_type(),
            "width": 20,
            "height": 10,
            "bytes": bytes.len(),
            "thumbnails": {
                "160": format!("{location}/160"),
                "480": format!("{location}/480"),
                "960": format!("{location}/960"),
            },
        });
        assert_eq!((answer.status, answer.json()), (201, expected));
        let original = get(&location);
        assert_eq!((original.status, original.body), (200, bytes));
    }
    assert_eq!(listed(&product).len(), FORMATS.len());
}

#[test]
fn a_product_shows_its_images_in_the_order_they_came() {
    let product = created("A-1");
    let locations: Vec<String> = [3, 1, 2].map(|shade| uploaded(&product, shade)).into();
    let items = listed(&product);
    let hrefs: Vec<_> = items
        .iter()
        .filter_map(|item| item["href"].as_str())
        .collect();
    assert_eq!(hrefs, locations);
    assert_eq!(get(&product).json()["images"], json!(items));
}

#[test]
fn the_same_file_again_is_the_same_image() {
    let product = created("A-1");
    let first = upload(&product, ImageFormat::Png, png(1));
    let tag = etag(&get(&product));
    let second = upload(&product, ImageFormat::Png, png(1));
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(first.json(), second.json());
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(etag(&get(&product)), tag);
}

#[test]
fn an_image_changes_the_version_of_its_product() {
    let product = created("A-1");
    let before = etag(&get(&product));
    let location = uploaded(&product, 1);
    let between = etag(&get(&product));
    assert_ne!(between, before);
    assert_eq!(delete(&location).send(handle).status, 204);
    assert_ne!(etag(&get(&product)), between);
}

#[test]
fn thumbnails_fit_their_size_and_are_never_larger_than_the_original() {
    let bytes = file(ImageFormat::Png, &picture(600, 300, 1));
    let answer = upload(&created("A-1"), ImageFormat::Png, bytes);
    let location = answer.header("location").expect("created");
    for (side, expected) in [(160, (160, 80)), (480, (480, 240)), (960, (600, 300))] {
        let thumbnail = get(&format!("{location}/{side}"));
        assert_eq!(thumbnail.header("content-type"), Some("image/jpeg"));
        assert_eq!(size(&thumbnail), expected);
    }
}

#[test]
fn a_picture_is_turned_as_its_file_says() {
    // TIFF with one entry: orientation, one short, 6: the top is at the right.
    let turned = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder
        .set_exif_metadata(turned.to_vec())
        .expect("JPEG has room for it");
    picture(400, 200, 1)
        .write_with_encoder(encoder)
        .expect("written");
    let answer = upload(&created("A-1"), ImageFormat::Jpeg, bytes);
    let shown = answer.json();
    assert_eq!(
        (&shown["width"], &shown["height"]),
        (&json!(200), &json!(400))
    );
    let location = answer.header("location").expect("created");
    assert_eq!(size(&get(&format!("{location}/160"))), (80, 160));
}

// === Showing ===

#[test]
fn caches_may_keep_an_image_for_ever() {
    let location = uploaded(&created("A-1"), 1);
    let id = location.rsplit('/').next().expect("an id").to_owned();
    for (target, tag) in [
        (location.clone(), format!("\"{id}\"")),
        (format!("{location}/160"), format!("\"{id}-160\"")),
    ] {
        let answer = get(&target);
        let length = answer.body.len().to_string();
        let immutable = Some("public, max-age=31536000, immutable");
        assert_eq!(answer.header("cache-control"), immutable);
        assert_eq!(answer.header("content-length"), Some(length.as_str()));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(etag(&answer), tag);

        let known = format!("\"0\", W/{tag}");
        let answer = Call::get(&target)
            .header("if-none-match", known)
            .send(handle);
        assert_eq!((answer.status, answer.text()), (304, ""));
        assert_eq!(answer.header("cache-control"), immutable);
        assert_eq!(etag(&answer), tag);

        let answer = Call::get(&target)
            .header("if-none-match", "\"0\"")
            .send(handle);
        assert_eq!(answer.status, 200);
    }
}

#[test]
fn head_says_what_get_would_send() {
    let location = uploaded(&created("A-1"), 1);
    let (get, head) = (
        get(&location),
        Call::new(Method::Head, &location).send(handle),
    );
    assert_eq!((head.status, &head.headers), (200, &get.headers));
    assert!(head.body.is_empty());
}

#[test]
fn a_list_that_a_client_has_is_not_sent_again() {
    let product = created("A-1");
    uploaded(&product, 1);
    let target = format!("{product}/images");
    let tag = etag(&get(&target));
    let answer = Call::get(&target)
        .header("if-none-match", &tag)
        .send(handle);
    assert_eq!((answer.status, answer.text()), (304, ""));
    uploaded(&product, 2);
    let answer = Call::get(&target)
        .header("if-none-match", &tag)
        .send(handle);
    assert_eq!(answer.status, 200);
}

// === Removing ===

#[test]
fn what_is_removed_is_gone_with_its_bytes() {
    let product = created("A-1");
    let (location, other) = (uploaded(&product, 1), uploaded(&product, 2));
    let name = blob(&location);
    assert!(is_kept("images", &name) && is_kept("thumbnails", &format!("{name}/960")));
    assert_eq!(delete(&location).send(handle).status, 204);
    assert_eq!(status(&get(&location)), 404);
    assert_eq!(status(&get(&format!("{location}/160"))), 404);
    assert_eq!(status(&delete(&location).send(handle)), 404);
    assert!(!is_kept("images", &name));
    for side in [160, 480, 960] {
        assert!(!is_kept("thumbnails", &format!("{name}/{side}")));
    }
    assert_eq!(get(&other).status, 200);
    assert_eq!(uploaded(&product, 1), location);
    assert_eq!(get(&location).body, png(1));
}

#[test]
fn what_is_removed_is_gone_even_if_its_bytes_are_left_behind() {
    let product = created("A-1");
    let location = uploaded(&product, 1);
    blobs("media").refuse(Error::Unavailable);
    assert_eq!(delete(&location).send(handle).status, 204);
    assert!(is_kept("images", &blob(&location)));
    assert_eq!(status(&get(&location)), 404);
    assert!(listed(&product).is_empty());
}

// === Failures of the store ===

#[test]
fn no_product_names_what_was_not_written() {
    let product = created("A-1");
    let before = etag(&get(&product));
    for written in 0..BLOBS {
        blobs("media").allow(written).refuse(Error::Unavailable);
        let answer = upload(&product, ImageFormat::Png, png(1));
        let again = Some("1");
        assert_eq!(
            (status(&answer), answer.header("retry-after")),
            (503, again)
        );
        assert_eq!(etag(&get(&product)), before);
    }
    // What the tries left behind is in nobody's way.
    let location = uploaded(&product, 1);
    for target in ["", "/160", "/480", "/960"] {
        assert_eq!(get(&format!("{location}{target}")).status, 200);
    }
}

#[test]
fn an_upload_restores_what_is_missing() {
    let location = uploaded(&created("A-1"), 1);
    let removed = block_on(container("images").delete(&blob(&location)));
    assert_eq!(removed, Ok(true));
    assert_eq!(status(&get(&location)), 404);
    let product = location.split("/images").next().expect("a product");
    let answer = upload(product, ImageFormat::Png, png(1));
    assert_eq!(answer.status, 200);
    assert_eq!(get(&location).body, png(1));
}

#[test]
fn other_failures_show_nothing_of_the_inside() {
    blobs("media").refuse(Error::Denied("secret".to_owned()));
    let answer = upload(&created("A-1"), ImageFormat::Png, png(1));
    assert_eq!(status(&answer), 500);
    assert!(!answer.text().contains("secret"));
}
