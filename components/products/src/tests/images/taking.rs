//! What is taken, and what becomes of it: originals, thumbnails and the product.

use super::{FORMATS, delete, file, listed, picture, png, upload, uploaded};
use crate::tests::{created, etag, get, handle};
use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, ImageFormat};
use serde_json::json;
use stoa_sdk::testing::Answer;

fn size(answer: &Answer) -> (u32, u32) {
    assert_eq!(answer.status, 200);
    let picture = image::load_from_memory(&answer.body).expect("a picture");
    (picture.width(), picture.height())
}

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
