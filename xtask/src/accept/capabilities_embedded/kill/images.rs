//! Images that are uploaded while hosts die.
//!
//! A product shows its images in the order in which they came, and each upload is another picture: so the place of an
//! image says which bytes it must have.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::ensure;
use serde_json::Value;

use super::Depth;
use crate::accept::capabilities_embedded::picture;
use crate::accept::capabilities_embedded::shelf::Shelf;
use crate::accept::shop::catalogue::{PRODUCTS, REQUEST_MAX};
use crate::accept::shop::kill::{Client, Ending};
use crate::accept::shop::losses::Losses;
use crate::accept::shop::products::Served;
use crate::http::{Connection, Request};

/// As many as a product may have.
const IMAGES: usize = 8;
/// The thumbnail that is looked at as well.
const THUMBNAIL: &str = "160";

/// What was promised, by the sku of the product.
#[derive(Default)]
pub(super) struct Images(Mutex<HashMap<String, Promised>>);

/// What is known of a product.
#[derive(Debug, Clone, Copy, Default)]
struct Promised {
    is_acknowledged: bool,
    /// Images.
    sent: usize,
    acknowledged: usize,
    /// Whether every image was looked at since the last was sent.
    is_settled: bool,
}

impl Images {
    /// Creates products and uploads images of them.
    pub(super) fn client(&self, address: SocketAddr, round: usize) -> Client<'_> {
        Box::new(move |ending: &Ending| {
            let mut number = 0;
            while ending.goes_on(self.fill(address, &format!("I{round}-{number}"), ending)) {
                number += 1;
            }
        })
    }

    /// How many there are.
    pub(super) fn uploaded(&self) -> usize {
        let book = self.book();
        book.values().map(|promised| promised.acknowledged).sum()
    }

    pub(super) fn check(
        &self,
        address: SocketAddr,
        served: &Served,
        depth: Depth,
    ) -> anyhow::Result<Losses> {
        let mut losses = Losses::default();
        let mut connection = Connection::open(address, REQUEST_MAX)?;
        for (sku, promised) in self.book().iter_mut() {
            match served.get(sku) {
                Some(product) => {
                    let images = promised.listed(sku, product, &mut losses);
                    if depth == Depth::All || !promised.is_settled {
                        read(&mut connection, sku, images, &mut losses)?;
                        promised.is_settled = true;
                    }
                }
                None if promised.is_acknowledged => losses.note_lost(format!("{sku} is not there")),
                // It was on its way when the host died.
                None => {}
            }
        }
        Ok(losses)
    }

    fn fill(&self, address: SocketAddr, sku: &str, ending: &Ending) -> anyhow::Result<()> {
        self.note(sku, |_| {});
        let product = Shelf::create(address, sku, 0)?;
        self.note(sku, |known| known.is_acknowledged = true);
        let mut connection = Connection::open(address, REQUEST_MAX)?;
        for number in 0..IMAGES {
            // A host that is killed late must not be written to for ever.
            if ending.is_near() {
                break;
            }
            self.note(sku, |known| known.sent += 1);
            let uploaded = connection.request(&Request {
                method: "POST",
                path: &format!("{PRODUCTS}/{product}/images"),
                headers: &[("content-type", "image/png")],
                body: &picture::png(&subject(sku, number)),
            })?;
            ensure!(
                uploaded.status() == 201,
                "the upload answered {}",
                uploaded.shown()
            );
            self.note(sku, |known| known.acknowledged += 1);
        }
        Ok(())
    }

    fn note(&self, sku: &str, change: impl FnOnce(&mut Promised)) {
        let mut book = self.book();
        let promised = book.entry(sku.to_owned()).or_default();
        promised.is_settled = false;
        change(promised);
    }

    fn book(&self) -> MutexGuard<'_, HashMap<String, Promised>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Promised {
    /// The images of its product: those that were acknowledged, and perhaps the one that was on its way.
    fn listed<'p>(&mut self, sku: &str, product: &'p Value, losses: &mut Losses) -> &'p [Value] {
        let images = product["images"].as_array();
        let images = images.map(Vec::as_slice).unwrap_or_default();
        if images.len() < self.acknowledged {
            losses.note_lost(format!("{sku}: {self:?}, but it has {}", images.len()));
        } else if images.len() > self.sent {
            losses.note_broken(format!("{sku}: {self:?}, but it has {}", images.len()));
        } else {
            (self.sent, self.acknowledged) = (images.len(), images.len());
        }
        images
    }
}

/// Each must be served with the bytes that were uploaded, and have its thumbnail.
fn read(
    connection: &mut Connection,
    sku: &str,
    images: &[Value],
    losses: &mut Losses,
) -> anyhow::Result<()> {
    for (number, image) in images.iter().enumerate() {
        let original = connection.get(image["href"].as_str().unwrap_or("/"))?;
        if original.status() != 200 || original.body != picture::png(&subject(sku, number)) {
            losses.note_broken(format!("{image} answers {}", original.status()));
        }
        let thumbnail = image["thumbnails"][THUMBNAIL].as_str().unwrap_or("/");
        let thumbnail = connection.get(thumbnail)?;
        if thumbnail.status() != 200 || thumbnail.body.is_empty() {
            losses.note_broken(format!(
                "the thumbnail of {image} answers {}",
                thumbnail.status()
            ));
        }
    }
    Ok(())
}

/// What a picture shows, so that no two are the same.
fn subject(sku: &str, number: usize) -> String {
    format!("picture {number} of {sku} ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is found of a product with so many images, of which two were acknowledged and three sent.
    fn found(count: usize) -> (usize, usize) {
        let mut promised = Promised {
            is_acknowledged: true,
            sent: 3,
            acknowledged: 2,
            is_settled: false,
        };
        let mut losses = Losses::default();
        let product = json!({"images": vec![json!({}); count]});
        assert_eq!(promised.listed("I", &product, &mut losses).len(), count);
        losses.counts()
    }

    #[test]
    fn the_acknowledged_images_and_one_that_was_sent_are_right() {
        assert_eq!(found(2), (0, 0));
        assert_eq!(found(3), (0, 0));
    }

    #[test]
    fn one_that_is_missing_is_lost_and_one_nobody_sent_is_wrong() {
        assert_eq!(found(1), (1, 0));
        assert_eq!(found(4), (0, 1));
    }
}
