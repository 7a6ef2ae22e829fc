//! Where the catalogue is kept, and single products in it.

use crate::faults;
use crate::product::{Image, Stored, id};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use stoa_sdk::documents::{Collection, Document, Error, Precondition, Query, Store, Write, field};
use stoa_sdk::http::Problem;

/// Under which the store is granted.
const STORE_LABEL: &str = "catalogue";

fn store() -> Result<Store, Problem> {
    Store::open(STORE_LABEL).map_err(|error| faults::store(&error))
}

/// The products. A product's id is its document's.
pub(crate) fn products() -> Result<Collection, Problem> {
    Ok(store()?.collection("products"))
}

/// The categories: one document.
pub(crate) fn categories() -> Result<Collection, Problem> {
    Ok(store()?.collection("categories"))
}

/// The records of reservations that ended.
pub(crate) fn records() -> Result<Collection, Problem> {
    Ok(store()?.collection("reservations"))
}

/// The product with this id and its version; 404 if there is none.
pub(crate) async fn load(id: &str) -> Result<(Stored, u64), Problem> {
    find(id).await?.ok_or_else(absent)
}

/// The product with this id and its version, if there is one.
pub(crate) async fn find(id: &str) -> Result<Option<(Stored, u64)>, Problem> {
    match stored(id).await? {
        Some(document) => Ok(Some((readable(id, document.body)?, document.version))),
        None => Ok(None),
    }
}

/// The images of a product; 404 if there is none. Nothing else of it is read: images are asked for often, and
/// reservations are many.
pub(crate) async fn images(id: &str) -> Result<Vec<Image>, Problem> {
    expect_id(id)?;
    let query = Query::of(field("_id").equals(id));
    let query = query.fields(["images"]).limit(1);
    let found = products()?.find::<Readable<Pictured>>(query).await;
    let mut found = found.map_err(|error| faults::store(&error))?;
    let document = found.documents.pop().ok_or_else(absent)?;
    Ok(readable(id, document.body)?.images)
}

/// A product of which only the images are known.
#[derive(Deserialize)]
struct Pictured {
    #[serde(default)]
    images: Vec<Image>,
}

fn readable<T>(id: &str, body: Readable<T>) -> Result<T, Problem> {
    body.0.map_err(|error| {
        faults::note_unreadable(id, &error);
        Problem::new(500)
    })
}

/// Writes a product that was loaded with this version. The new version, or `None` if somebody else changed it since:
/// load it again, decide again.
pub(crate) async fn save(id: &str, stored: &Stored, version: u64) -> Result<Option<u64>, Problem> {
    let write = Write::new(id, stored).when(Precondition::Version(version));
    match products()?.write(write).await {
        Ok(version) => Ok(Some(version)),
        Err(Error::Conflict(_)) => Ok(None),
        Err(error) => Err(faults::store(&error)),
    }
}

/// The version of the document with this id, be it a product or not; 404 if there is none.
pub(super) async fn peek(id: &str) -> Result<(Option<Stored>, u64), Problem> {
    let document = stored(id).await?.ok_or_else(absent)?;
    Ok((document.body.0.ok(), document.version))
}

/// Refuses what cannot be the id of a product, as if there were none.
pub(crate) fn expect_id(id: &str) -> Result<(), Problem> {
    match id::is_id(id) {
        true => Ok(()),
        false => Err(absent()),
    }
}

async fn stored(id: &str) -> Result<Option<Document<Readable<Stored>>>, Problem> {
    expect_id(id)?;
    let found = products()?.get(id).await;
    found.map_err(|error| faults::store(&error))
}

/// What is said where there is no such product.
pub(crate) fn absent() -> Problem {
    Problem::new(404).detail("no product has this id")
}

/// A body that somebody else may have written: one that is no `T` must not hide the others that are read with it.
pub(crate) struct Readable<T>(pub(crate) Result<T, serde_json::Error>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Readable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(json.get())))
    }
}
