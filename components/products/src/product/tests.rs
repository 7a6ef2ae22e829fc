//! What a new description does to a product that is stored.

use super::*;

/// A product as a client describes it.
pub(crate) fn draft(sku: &str, stock: u64) -> Draft {
    Draft {
        sku: sku.to_owned(),
        name: "Cup".to_owned(),
        description: "Holds coffee.".to_owned(),
        category: "ceramics".to_owned(),
        brand: "Ostrakon".to_owned(),
        price: Price {
            amount: 1250,
            currency: "EUR".to_owned(),
        },
        stock,
        tags: vec!["cup".to_owned()],
    }
}

/// As it is stored, with some pieces reserved.
pub(crate) fn stored(sku: &str, available: u64, reserved: u64) -> Stored {
    let mut stored = Stored::new(draft(sku, 0), Timestamp::from_unix_ms(0));
    stored.stock = Stock {
        available,
        reserved,
        holds: u64::from(reserved > 0),
        ended: 0,
        due: None,
    };
    if reserved > 0 {
        stored.reservations.push(Reservation {
            id: "r-1".to_owned(),
            quantity: reserved,
            expires: 1000,
        });
    }
    stored
}

#[test]
fn refused_when_less_is_left_than_is_reserved() {
    let refused = stored("A-1", 3, 4).redrafted(draft("A-1", 3), Timestamp::from_unix_ms(1));
    assert_eq!(refused, Err(Oversold { reserved: 4 }));
}

#[test]
fn what_is_reserved_stays_reserved() {
    let before = stored("A-1", 3, 4);
    let later = Timestamp::from_unix_ms(1);
    let after = before.clone().redrafted(draft("A-1", 4), later);
    let after = after.expect("enough are left");
    assert_eq!((after.stock.available, after.stock.reserved), (0, 4));
    assert_eq!(after.reservations, before.reservations);
    assert_eq!(after.created, before.created);
    assert_eq!(after.updated, later.to_string());
}

#[test]
fn a_stored_product_is_described_as_it_was() {
    assert_eq!(stored("A-1", 3, 4).draft(), draft("A-1", 7));
}

#[test]
fn nobody_is_shown_who_reserved_what() {
    let stored = stored("A-1", 3, 4);
    let shown = serde_json::to_value(Product::of("1", &stored)).expect("JSON");
    assert_eq!(
        (&shown["stock"], &shown["available"]),
        (&7.into(), &3.into())
    );
    for hidden in ["reservations", "finished"] {
        assert_eq!(shown.get(hidden), None, "{hidden}");
    }
}

#[test]
fn an_image_says_where_it_is() {
    let mut stored = stored("A-1", 0, 0);
    stored.images.push(Image {
        id: "i1".to_owned(),
        content_type: "image/png".to_owned(),
        width: 2,
        height: 1,
        bytes: 68,
    });
    let shown = serde_json::to_value(Product::of("1", &stored)).expect("JSON");
    let image = &shown["images"][0];
    assert_eq!(image["href"], "/v1/products/1/images/i1");
    assert_eq!((&image["width"], &image["bytes"]), (&2.into(), &68.into()));
}
