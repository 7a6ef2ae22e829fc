//! What filters mean, with indexes and without.

use serde_json::json;

use super::*;

fn integer(integer: i64) -> Scalar {
    Scalar::Integer(integer)
}

fn exists(path: &str, exists: bool) -> Filter {
    let path = path.into();
    Filter::Exists { path, exists }
}

fn starts(path: &str, start: &str) -> Filter {
    Filter::StartsWith {
        path: path.into(),
        start: start.into(),
    }
}

pub(super) async fn kinds_are_never_equal(store: Arc<dyn Store>) {
    let bodies = [
        ("a", json!({ "price": true })),
        ("b", json!({ "price": 1 })),
        ("c", json!({ "price": "1" })),
        ("d", json!({ "price": 1.0 })),
        ("e", json!({ "price": {} })),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        let is = |value: Scalar| equal("price", value);
        finds(&store, collection, is(Scalar::Boolean(true)), &["a"]).await;
        finds(&store, collection, is(integer(1)), &["b", "d"]).await;
        finds(&store, collection, is(Scalar::Number(1.0)), &["b", "d"]).await;
        finds(&store, collection, is(text("1")), &["c"]).await;
        finds(&store, collection, is(Scalar::Null), &[]).await;
        let differs = compare("price", Comparison::NotEqual, integer(1));
        finds(&store, collection, differs, &["a", "c", "e"]).await;
    }
}

pub(super) async fn missing_equals_null(store: Arc<dyn Store>) {
    let bodies = [
        ("a", json!({})),
        ("b", json!({ "price": null })),
        ("c", json!({ "price": 0 })),
        ("d", json!({ "price": false })),
        ("e", json!({ "price": "" })),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        finds(
            &store,
            collection,
            equal("price", Scalar::Null),
            &["a", "b"],
        )
        .await;
        let differs = compare("price", Comparison::NotEqual, Scalar::Null);
        finds(&store, collection, differs, &["c", "d", "e"]).await;
        for comparison in [Comparison::Less, Comparison::Greater] {
            let than_null = compare("price", comparison, Scalar::Null);
            finds(&store, collection, than_null, &[]).await;
        }
        // What is missing has no order, and so is not even as great as null.
        for comparison in [Comparison::LessOrEqual, Comparison::GreaterOrEqual] {
            let as_null = || compare("price", comparison, Scalar::Null);
            finds(&store, collection, as_null(), &["b"]).await;
            let others = Filter::None(vec![as_null()]);
            finds(&store, collection, others, &["a", "c", "d", "e"]).await;
        }
        let less = compare("price", Comparison::Less, integer(1));
        finds(&store, collection, less, &["c"]).await;
    }
}

pub(super) async fn integers_have_64_bits(store: Arc<dyn Store>) {
    let bodies = [
        ("a", json!({ "price": i64::MIN })),
        ("b", json!({ "price": i64::MIN + 1 })),
        ("c", json!({ "price": 9_007_199_254_740_992_i64 })),
        ("d", json!({ "price": 9_007_199_254_740_993_i64 })),
        ("e", json!({ "price": i64::MAX - 1 })),
        ("f", json!({ "price": i64::MAX })),
        ("g", json!({ "price": 1e19 })),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        for (id, body) in &bodies[..6] {
            let number = body["price"].as_i64().expect("it is an integer");
            finds(&store, collection, equal("price", integer(number)), &[*id]).await;
        }
        let more = compare("price", Comparison::Greater, integer(i64::MAX - 1));
        finds(&store, collection, more, &["f", "g"]).await;
        let exact = Scalar::Number(9_007_199_254_740_992.0);
        let most = compare("price", Comparison::LessOrEqual, exact);
        finds(&store, collection, most, &["a", "b", "c"]).await;
    }
}

pub(super) async fn decimals_are_texts(store: Arc<dyn Store>) {
    let bodies = [
        ("a", json!({ "price": "0.10" })),
        ("b", json!({ "price": "0.1" })),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        finds(&store, collection, equal("price", text("0.10")), &["a"]).await;
        finds(&store, collection, equal("price", Scalar::Number(0.1)), &[]).await;
    }
}

pub(super) async fn ranges_stay_in_their_kind(store: Arc<dyn Store>) {
    let bodies = [
        ("a", json!({ "price": false })),
        ("b", json!({ "price": true })),
        ("c", json!({ "price": -1.5 })),
        ("d", json!({ "price": 2 })),
        ("e", json!({ "price": "A" })),
        ("f", json!({ "price": "a" })),
        ("g", json!({ "price": "é" })),
        ("h", json!({ "price": {} })),
    ];
    let cases: [(Comparison, Scalar, &[&str]); 9] = [
        (Comparison::Less, integer(2), &["c"]),
        (Comparison::LessOrEqual, integer(2), &["c", "d"]),
        (Comparison::Greater, Scalar::Number(-1.5), &["d"]),
        (
            Comparison::GreaterOrEqual,
            Scalar::Number(-1.5),
            &["c", "d"],
        ),
        (Comparison::Less, text("a"), &["e"]),
        (Comparison::GreaterOrEqual, text("a"), &["f", "g"]),
        (Comparison::GreaterOrEqual, text(""), &["e", "f", "g"]),
        (Comparison::Greater, Scalar::Boolean(false), &["b"]),
        (Comparison::LessOrEqual, Scalar::Boolean(true), &["a", "b"]),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        for (comparison, value, expected) in cases.clone() {
            let filter = compare("price", comparison, value);
            finds(&store, collection, filter, expected).await;
        }
    }
}

/// `tags` is indexed by element, `price` as a whole.
pub(super) async fn an_array_fulfils_by_one_element(store: Arc<dyn Store>) {
    for (collection, path) in BOTH
        .into_iter()
        .flat_map(|of| [(of, "tags"), (of, "price")])
    {
        let bodies = [
            ("a", json!({ path: ["x", "y", "y"] })),
            ("b", json!({ path: "y" })),
            ("c", json!({ path: [] })),
            ("d", json!({ path: [1, null, [5]] })),
            ("e", json!({})),
        ];
        fill(&store, collection, &bodies).await;
        let same = |value: Scalar| equal(path, value);
        finds(&store, collection, same(text("y")), &["a", "b"]).await;
        finds(&store, collection, same(Scalar::Null), &["d", "e"]).await;
        finds(&store, collection, same(integer(5)), &[]).await;
        let differs = compare(path, Comparison::NotEqual, text("y"));
        finds(&store, collection, differs, &["c", "d", "e"]).await;
        let less = compare(path, Comparison::Less, text("y"));
        finds(&store, collection, less, &["a"]).await;
        let as_null = compare(path, Comparison::LessOrEqual, Scalar::Null);
        finds(&store, collection, as_null, &["d"]).await;
        finds(&store, collection, starts(path, "x"), &["a"]).await;
        let values = vec![text("x"), integer(1)];
        let path = path.to_owned();
        let one_of = Filter::OneOf { path, values };
        finds(&store, collection, one_of, &["a", "d"]).await;
    }
}

pub(super) async fn arrays_count_after_they_come_and_go(store: Arc<dyn Store>) {
    for collection in BOTH {
        let one = || equal("price", integer(1));
        fill(&store, collection, &[("a", json!({ "price": 1 }))]).await;
        finds(&store, collection, one(), &["a"]).await;
        fill(&store, collection, &[("b", json!({ "price": [2, 1] }))]).await;
        finds(&store, collection, one(), &["a", "b"]).await;
        fill(&store, collection, &[("b", json!({ "price": 2 }))]).await;
        finds(&store, collection, one(), &["a"]).await;
    }
}

pub(super) async fn groups_are_held(store: Arc<dyn Store>) {
    let body = |category: &str, price: i64| json!({ "category": category, "price": price });
    let bodies = [
        ("a", body("x", 1)),
        ("b", body("x", 2)),
        ("c", body("y", 1)),
        ("d", json!({})),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        let parts = || vec![equal("category", text("x")), equal("price", integer(1))];
        finds(&store, collection, Filter::All(parts()), &["a"]).await;
        finds(&store, collection, Filter::Any(parts()), &["a", "b", "c"]).await;
        finds(&store, collection, Filter::None(parts()), &["d"]).await;
        let less = compare("price", Comparison::Less, integer(2));
        finds(&store, collection, Filter::None(vec![less]), &["b", "d"]).await;
        finds(&store, collection, Filter::Any(Vec::new()), &[]).await;
        let nothing = Filter::None(Vec::new());
        finds(&store, collection, nothing, &["a", "b", "c", "d"]).await;
        let nested = Filter::All(vec![
            Filter::Any(vec![
                Filter::All(parts()),
                Filter::None(vec![exists("price", true)]),
            ]),
            compare("category", Comparison::NotEqual, text("y")),
        ]);
        finds(&store, collection, nested, &["a", "d"]).await;
        let many = Filter::All(vec![equal("category", text("x")); 200]);
        finds(&store, collection, many, &["a", "b"]).await;
    }
}

pub(super) async fn memberships_are_held(store: Arc<dyn Store>) {
    let bodies = [
        ("a", json!({ "price": 1 })),
        ("b", json!({ "price": "1" })),
        ("c", json!({})),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        let one_of = |values: Vec<Scalar>| Filter::OneOf {
            path: "price".into(),
            values,
        };
        finds(&store, collection, one_of(Vec::new()), &[]).await;
        let mixed = one_of(vec![Scalar::Null, integer(1)]);
        finds(&store, collection, mixed, &["a", "c"]).await;
        let many = one_of((1..=1000).map(integer).collect());
        finds(&store, collection, many, &["a"]).await;
    }
}

pub(super) async fn presence_differs_from_null(store: Arc<dyn Store>) {
    let bodies = [
        ("a", json!({ "shelf": { "row": null } })),
        ("b", json!({ "shelf": {} })),
        ("c", json!({ "shelf": [{ "row": 1 }] })),
        ("d", json!({ "shelf": { "row": 1 } })),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        finds(&store, collection, exists("shelf.row", true), &["a", "d"]).await;
        finds(&store, collection, exists("shelf.row", false), &["b", "c"]).await;
        let null = equal("shelf.row", Scalar::Null);
        finds(&store, collection, null, &["a", "b", "c"]).await;
    }
}

pub(super) async fn texts_start_with_others(store: Arc<dyn Store>) {
    let bodies = [
        ("a", json!({ "price": "a%" })),
        ("b", json!({ "price": "ab" })),
        ("c", json!({ "price": "aé" })),
        ("d", json!({ "price": "A" })),
        ("e", json!({ "price": 1 })),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        finds(&store, collection, starts("price", "a"), &["a", "b", "c"]).await;
        finds(&store, collection, starts("price", "a%"), &["a"]).await;
        finds(&store, collection, starts("price", "aé"), &["c"]).await;
        let all = starts("price", "");
        finds(&store, collection, all, &["a", "b", "c", "d"]).await;
    }
}

pub(super) async fn long_texts_are_compared_to_their_end(store: Arc<dyn Store>) {
    let long = |end: &str| format!("{}{end}", "é".repeat(3000));
    let bodies = [
        ("a", json!({ "price": long("a") })),
        ("b", json!({ "price": long("b") })),
        ("c", json!({ "price": long("") })),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        finds(&store, collection, equal("price", text(&long("b"))), &["b"]).await;
        let less = compare("price", Comparison::Less, text(&long("b")));
        finds(&store, collection, less, &["a", "c"]).await;
        let more = compare("price", Comparison::Greater, text(&long("a")));
        finds(&store, collection, more, &["b"]).await;
        finds(&store, collection, starts("price", &long("a")), &["a"]).await;
    }
}

pub(super) async fn one_element_fulfils_all(store: Arc<dyn Store>) {
    let bodies = [
        (
            "a",
            json!({ "parts": [{ "n": 1, "s": "x" }, { "n": 2, "s": "y" }] }),
        ),
        ("b", json!({ "parts": [{ "n": 1, "s": "y" }] })),
        ("c", json!({ "parts": { "n": 1, "s": "y" } })),
        ("d", json!({ "parts": [1, null] })),
    ];
    for collection in BOTH {
        fill(&store, collection, &bodies).await;
        let both = Filter::All(vec![equal("n", integer(1)), equal("s", text("y"))]);
        let element = Filter::Element {
            path: "parts".into(),
            filter: Box::new(both),
        };
        finds(&store, collection, element, &["b"]).await;
    }
}

pub(super) async fn the_id_is_at_its_path(store: Arc<dyn Store>) {
    for collection in BOTH {
        let bodies = ["a", "ab", "b"].map(|id| (id, json!({})));
        fill(&store, collection, &bodies).await;
        finds(&store, collection, equal("_id", text("ab")), &["ab"]).await;
        finds(&store, collection, equal("_id", integer(1)), &[]).await;
        finds(&store, collection, equal("_id", Scalar::Null), &[]).await;
        finds(&store, collection, starts("_id", "a"), &["a", "ab"]).await;
        let more = compare("_id", Comparison::Greater, text("a"));
        finds(&store, collection, more, &["ab", "b"]).await;
        finds(&store, collection, exists("_id", true), &["a", "ab", "b"]).await;
        finds(&store, collection, exists("_id", false), &[]).await;
    }
}
