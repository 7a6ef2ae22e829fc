//! Images: showing and removing them, and failures of the store; refusing and taking them in modules.

mod refusing;
mod taking;

use super::{created, etag, get, handle, status};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::Value;
use std::io::Cursor;
use stoa_sdk::blobs::{Container, Error, Store};
use stoa_sdk::http::Method;
use stoa_sdk::testing::{Answer, Call, blobs, block_on};

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
