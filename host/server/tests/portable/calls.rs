//! What is asked of both runs, in order.

use crate::application::Call;

pub(crate) const PUT_A: Call<'static> = (
    "put",
    &[
        ("id", "a"),
        (
            "body",
            r#"{"about":"for winter","n":1,"name":"Rain jacket","tags":["x","y"]}"#,
        ),
    ],
);
pub(crate) const PUT_B: Call<'static> = (
    "put",
    &[
        ("id", "b"),
        ("body", r#"{"n":2,"name":"Winter jacket","tags":["x"]}"#),
    ],
);
pub(crate) const PUT_C: Call<'static> = (
    "put",
    &[
        ("id", "c"),
        (
            "body",
            r#"{"n":3,"name":"Winter boots","sizes":[{"left":0,"size":40},{"left":2,"size":41}]}"#,
        ),
    ],
);
pub(crate) const PUT_D: Call<'static> =
    ("put", &[("id", "d"), ("body", r#"{"n":null,"half":0.5}"#)]);

/// Calls that have no right, and calls that are wrong in themselves.
pub(crate) const WRONG: &[Call<'static>] = &[
    PUT_A,
    ("count", &[("label", "other")]),
    ("put", &[("label", "other"), ("id", "a"), ("body", "{}")]),
    ("count", &[("collection", "others")]),
    (
        "put",
        &[("collection", "sqlite_master"), ("id", "a"), ("body", "{}")],
    ),
    ("count", &[("c", "exists:a..b:true")]),
    ("count", &[("c", "equal:$where:1")]),
    ("count", &[("c", "equal:n:NaN")]),
    ("find", &[("sort", "n'")]),
    ("find", &[("field", "")]),
    ("find", &[("limit", "0")]),
    ("find", &[("limit", "1001")]),
    ("find", &[("after", "no cursor")]),
    ("facets", &[("facet", "n:0")]),
    ("update", &[("change", "set:_id:1")]),
    ("update", &[("change", "increment:name:1")]),
    ("update", &[("change", "set:name.inside:1")]),
    ("update", &[("change", "push-keeping:list:0:1")]),
    ("delete-matching", &[("limit", "0")]),
    ("put", &[("id", "b"), ("body", "[1]")]),
    ("put", &[("id", ""), ("body", "{}")]),
    ("get", &[("id", "a")]),
    ("walk", &[]),
];

/// What filters, sorts, searches and facets find.
pub(crate) const READING: &[Call<'static>] = &[
    ("get", &[("id", "b"), ("id", "z"), ("id", "a")]),
    PUT_A,
    PUT_B,
    PUT_C,
    PUT_D,
    ("get", &[("id", "b"), ("id", "z"), ("id", "a"), ("id", "b")]),
    ("walk", &[]),
    ("walk", &[("c", "equal:n:2")]),
    ("walk", &[("c", "equal:n:2.0")]),
    ("walk", &[("c", "not-equal:n:2")]),
    ("walk", &[("c", "less:n:2")]),
    ("walk", &[("c", "less-or-equal:n:2")]),
    ("walk", &[("c", "greater:n:1.5")]),
    ("walk", &[("c", "equal:half:0.5")]),
    ("walk", &[("c", "equal:about:null")]),
    ("walk", &[("c", "exists:n:true")]),
    ("walk", &[("c", "exists:about:false")]),
    ("walk", &[("c", "equal:tags:y")]),
    ("walk", &[("c", "one-of:_id:c,a,z")]),
    ("walk", &[("c", "starts-with:name:Winter ")]),
    ("walk", &[("c", "equal:size:40"), ("c", "element:sizes:0")]),
    (
        "walk",
        &[
            ("c", "equal:_id:a"),
            ("c", "equal:_id:b"),
            ("c", "any-of:0,1"),
            ("c", "none-of:2"),
        ],
    ),
    ("count", &[("c", "greater:n:1")]),
    ("walk", &[("sort", "-n"), ("limit", "3")]),
    ("walk", &[("sort", "n"), ("sort", "-_id"), ("limit", "2")]),
    ("find", &[("sort", "-n"), ("field", "n"), ("limit", "1")]),
    ("walk", &[("search", "rain")]),
    ("walk", &[("search", "winter jacket")]),
    ("walk", &[("search", "winter jacket"), ("limit", "1")]),
    ("walk", &[("search", "WINTER boo")]),
    ("walk", &[("search", "wimter boots")]),
    ("walk", &[("search", "boo winter")]),
    ("find", &[("search", "winter"), ("limit", "1")]),
    ("count", &[("search", "winter"), ("c", "less:n:3")]),
    (
        "facets",
        &[("facet", "tags:10"), ("facet", "n:2"), ("facet", "none:1")],
    ),
    ("facets", &[("facet", "tags:1"), ("c", "equal:_id:b")]),
    ("facets", &[("facet", "n:10"), ("search", "boots")]),
];

/// What writes do, and when they do not.
pub(crate) const WRITING: &[Call<'static>] = &[
    ("put", &[("id", "a"), ("body", r#"{"sku":"s1","n":1}"#)]),
    ("put", &[("id", "a"), ("body", "{}"), ("when", "absent")]),
    (
        "put",
        &[("id", "a"), ("body", "{}"), ("when", "7000000000")],
    ),
    ("put", &[("id", "z"), ("body", "{}"), ("when", "present")]),
    ("delete", &[("id", "z"), ("when", "present")]),
    ("delete", &[("id", "a"), ("when", "7000000000")]),
    ("put", &[("id", "b"), ("body", r#"{"sku":"s1"}"#)]),
    ("put", &[("id", "b"), ("body", "{}"), ("when", "absent")]),
    (
        "update",
        &[("c", "equal:_id:b"), ("change", r#"set:sku:"s1""#)],
    ),
    (
        "put",
        &[("id", "a"), ("body", r#"{"n":41}"#), ("when", "current")],
    ),
    (
        "update",
        &[("c", "equal:_id:b"), ("change", r#"set:sku:"s1""#)],
    ),
    (
        "put",
        &[
            ("id", "e"),
            ("body", r#"{"sku":"s2"}"#),
            ("id", "f"),
            ("body", r#"{"sku":"s2"}"#),
            ("id", "g"),
            ("body", "[]"),
            ("id", "h"),
            ("body", "{}"),
        ],
    ),
    (
        "update",
        &[
            ("c", "equal:_id:a"),
            ("change", "increment:n:1"),
            ("change", r#"set:price.amount:"9.99""#),
            ("change", "push:list:1"),
            ("change", "push:list:2"),
            ("change", "pull:list:equal::1"),
            ("change", "push-keeping:log:1:1"),
            ("change", "push-keeping:log:1:2"),
            ("change", "unset:missing.too"),
        ],
    ),
    (
        "update",
        &[
            ("c", "exists:n:true"),
            ("change", "unset:price"),
            ("answer", "before"),
        ],
    ),
    (
        "update",
        &[("c", "exists:price:true"), ("change", "unset:n")],
    ),
    ("update", &[("sort", "-_id"), ("change", "set:last:true")]),
    ("walk", &[("sort", "sku")]),
    ("find", &[]),
    ("delete", &[("id", "a"), ("when", "current")]),
    ("delete", &[("id", "a")]),
    (
        "delete-matching",
        &[("c", "exists:sku:true"), ("limit", "1")],
    ),
    ("count", &[("c", "exists:sku:true")]),
    ("delete-matching", &[]),
    ("count", &[]),
];
