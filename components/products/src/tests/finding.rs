//! Finding products: searching, filtering, sorting, counting, page by page.

use super::{COLLECTION, catalogue, create, get, status};
use serde_json::{Value, json};

fn product(sku: &str, name: &str, category: &str, brand: &str, price: u64, stock: u64) -> Value {
    json!({
        "sku": sku, "name": name, "category": category, "brand": brand, "stock": stock,
        "price": {"amount": price, "currency": "EUR"}, "tags": ["outdoor", category],
    })
}

/// A small shop.
fn shop() {
    catalogue();
    for product in [
        product("S-1", "Hiking Boots", "shoes", "Adventurer", 9900, 3),
        product("S-2", "Winter Boots", "shoes", "Boreas", 12900, 0),
        product("G-1", "Hiking Pole", "gear", "Adventurer", 3500, 9),
        product("G-2", "Tent", "gear", "", 24900, 1),
    ] {
        assert_eq!(create(&product).status, 201);
    }
}

fn page(query: &str) -> Value {
    let answer = get(&format!("{COLLECTION}?{query}"));
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.json()
}

fn skus(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("a list");
    let skus = items.iter().filter_map(|item| item["sku"].as_str());
    skus.map(str::to_owned).collect()
}

/// The skus of a page in alphabetical order.
fn found(query: &str) -> Vec<String> {
    let mut skus = skus(&page(query));
    skus.sort();
    skus
}

// === what is refused ===

#[test]
fn refused_when_a_parameter_cannot_be_read() {
    shop();
    let long = format!("q={}", "a".repeat(1025));
    let many = "tag=a&".repeat(21);
    for (query, parameter) in [
        (long.as_str(), "q"),
        (many.as_str(), "tag"),
        ("category=Shoes", "category"),
        ("tag=", "tag"),
        ("tag=+", "tag"),
        ("brand=a%00", "brand"),
        ("category=%ff", "category"),
        ("category=ka%C3%A7a", "category"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=1e9", "limit"),
        ("limit=NaN", "limit"),
        ("limit=1&limit=2", "limit"),
        ("min_price=9223372036854775808", "min_price"),
        ("currency=eur", "currency"),
        ("min_price=-1", "min_price"),
        ("max_price=1.5", "max_price"),
        ("max_price=", "max_price"),
        ("in_stock=yes", "in_stock"),
        ("total=1", "total"),
        ("sort=best", "sort"),
        ("sort=relevance", "sort"),
        ("q=a&q=b", "q"),
        ("facets=", "facets"),
        ("facets=price", "facets"),
        ("facets=tag,tag", "facets"),
        ("facets=tag,", "facets"),
        ("cursor=zz", "cursor"),
        ("cursor=", "cursor"),
    ] {
        let answer = get(&format!("{COLLECTION}?{query}"));
        assert_eq!(status(&answer), 400, "{query}");
        assert_eq!(answer.json()["parameter"], parameter, "{query}");
    }
}

#[test]
fn refused_when_the_cursor_is_of_another_question() {
    shop();
    for (question, other) in [
        ("sort=name", ""),
        ("sort=name", "sort=-name"),
        ("category=gear", "category=shoes"),
        ("min_price=1", "min_price=2"),
        ("q=boots", "q=hiking"),
        ("q=boots", "q=boots&sort=price"),
    ] {
        let next = page(&format!("{question}&limit=1"))["next"].clone();
        let cursor = next.as_str().expect("there are more");
        let answer = get(&format!("{COLLECTION}?{other}&cursor={cursor}"));
        assert_eq!(status(&answer), 400, "{question} {other}");
        assert_eq!(answer.json()["parameter"], "cursor");
    }
}

#[test]
fn what_is_not_known_is_left_alone() {
    shop();
    assert_eq!(found("colour=blue").len(), 4);
}

// === searching ===

#[test]
fn a_letter_may_be_wrong() {
    shop();
    assert_eq!(found("q=hikng+boots"), ["S-1"]);
}

#[test]
fn the_last_word_may_have_just_begun() {
    shop();
    assert_eq!(found("q=hik"), ["G-1", "S-1"]);
    assert_eq!(found("q=adventurer+po"), ["G-1"]);
}

#[test]
fn every_word_must_be_found() {
    shop();
    assert!(found("q=hiking+tent").is_empty());
}

#[test]
fn the_best_come_first() {
    shop();
    let mut described = product("D-1", "Grease", "care", "Any", 900, 1);
    described["description"] = json!("For boots.");
    create(&described);
    let found = skus(&page("q=boots"));
    assert_eq!((found.len(), found[2].as_str()), (3, "D-1"));
}

#[test]
fn who_looks_for_nothing_finds_everything() {
    shop();
    assert_eq!(found("q=").len(), 4);
    assert_eq!(found("q=++").len(), 4);
}

// === filtering ===

#[test]
fn filters_are_all_fulfilled() {
    shop();
    assert_eq!(found("category=shoes"), ["S-1", "S-2"]);
    assert_eq!(found("brand=Adventurer"), ["G-1", "S-1"]);
    assert_eq!(found("brand=Adventurer&category=shoes"), ["S-1"]);
    assert_eq!(found("brand="), ["G-2"]);
    assert_eq!(found("min_price=9900&max_price=12900"), ["S-1", "S-2"]);
    assert_eq!(found("in_stock=true&category=shoes"), ["S-1"]);
    assert_eq!(found("in_stock=false&category=shoes"), ["S-1", "S-2"]);
    assert!(found("currency=USD").is_empty());
    assert_eq!(found("q=boots&brand=Boreas"), ["S-2"]);
}

#[test]
fn one_of_several_values_is_enough() {
    shop();
    assert_eq!(found("tag=shoes&tag=care"), ["S-1", "S-2"]);
    assert_eq!(found("brand=Boreas&brand=Adventurer").len(), 3);
    assert_eq!(found("currency=USD&currency=EUR").len(), 4);
}

// === sorting and paging ===

#[test]
fn sorted_as_asked() {
    shop();
    let sorted = |sort: &str| skus(&page(&format!("sort={sort}")));
    assert_eq!(sorted("price"), ["G-1", "S-1", "S-2", "G-2"]);
    assert_eq!(sorted("-price"), ["G-2", "S-2", "S-1", "G-1"]);
    assert_eq!(sorted("name"), ["S-1", "G-1", "G-2", "S-2"]);
    assert_eq!(sorted("-name"), ["S-2", "G-2", "G-1", "S-1"]);
    assert_eq!(sorted("sku"), ["G-1", "G-2", "S-1", "S-2"]);
    assert_eq!(sorted("created").len(), 4);
    assert_eq!(skus(&page("q=boots&sort=-price")), ["S-2", "S-1"]);
}

#[test]
fn pages_lead_through_all_that_was_asked_for() {
    shop();
    let question = "category=gear&category=shoes&sort=-price&in_stock=true";
    let mut target = format!("{COLLECTION}?limit=1&{question}");
    let mut seen = Vec::new();
    loop {
        let answer = get(&target);
        seen.extend(skus(&answer.json()));
        let Some(link) = answer.header("link") else {
            break;
        };
        let (next, rest) = link[1..].split_once('>').expect("a link");
        assert_eq!(rest, "; rel=\"next\"");
        assert!(next.contains(question), "{next}");
        target = next.to_owned();
    }
    assert_eq!(seen, ["G-2", "S-1", "G-1"]);
}

#[test]
fn a_link_that_would_be_too_long_is_left_out() {
    shop();
    let brands = format!("&brand={}", "%C3%A9".repeat(100)).repeat(10);
    let answer = get(&format!("{COLLECTION}?limit=1&brand=Adventurer{brands}"));
    assert_eq!(answer.header("link"), None);
    assert!(answer.json()["next"].is_string());
}

// === counting ===

#[test]
fn counts_are_of_all_that_was_found() {
    shop();
    let page = page("limit=1&in_stock=true&facets=category,brand,tag&total=true");
    assert_eq!(page["total"], 3);
    let expected = json!({
        "category": [{"value": "gear", "count": 2}, {"value": "shoes", "count": 1}],
        "brand": [{"value": "Adventurer", "count": 2}],
        "tag": [{"value": "outdoor", "count": 3}, {"value": "gear", "count": 2}, {"value": "shoes", "count": 1}],
    });
    assert_eq!(page["facets"], expected);
}

#[test]
fn what_was_chosen_of_a_facet_does_not_narrow_its_own_counts() {
    shop();
    let page = page("category=shoes&brand=Adventurer&facets=category,brand,tag&total=true");
    assert_eq!(
        (skus(&page), &page["total"]),
        (vec!["S-1".to_owned()], &json!(1))
    );
    let expected = json!({
        "category": [{"value": "gear", "count": 1}, {"value": "shoes", "count": 1}],
        "brand": [{"value": "Adventurer", "count": 1}, {"value": "Boreas", "count": 1}],
        "tag": [{"value": "outdoor", "count": 1}, {"value": "shoes", "count": 1}],
    });
    assert_eq!(page["facets"], expected);
}

#[test]
fn nothing_is_counted_that_nobody_asked_for() {
    shop();
    let page = page("q=boots");
    assert_eq!((page.get("total"), page.get("facets")), (None, None));
}

#[test]
fn a_listing_shows_nobodys_reservations() {
    shop();
    let page = page("q=tent");
    let item = page["items"][0].as_object().expect("a product");
    assert_eq!((&item["stock"], &item["available"]), (&1.into(), &1.into()));
    assert!(!item.contains_key("reservations"));
}
