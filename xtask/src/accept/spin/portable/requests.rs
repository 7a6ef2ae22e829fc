//! What the shop is asked, in this order, and how it must answer at least. Identifiers are what they are everywhere: half
//! of the digest of a product's number, or of a picture.

/// A request and the status that it has.
pub(super) struct Step {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: &'static [u8],
}

type Headers = &'static [(&'static str, &'static str)];

const NONE: Headers = &[];
const JSON: Headers = &[("content-type", "application/json")];
const MERGE: Headers = &[("content-type", "application/merge-patch+json")];
const NDJSON: Headers = &[("content-type", "application/x-ndjson")];
const PNG: Headers = &[("content-type", "image/png")];
const ANY: Headers = &[("if-none-match", "*")];
/// On a version that there never was.
const STALE: Headers = &[("if-match", "\"stale\"")];
const MERGE_STALE: Headers = &[
    ("content-type", "application/merge-patch+json"),
    ("if-match", "\"stale\""),
];
const JSON_STALE: Headers = &[
    ("content-type", "application/json"),
    ("if-match", "\"stale\""),
];

const DRAFT: &[u8] = br#"{"sku": "BOOT-42", "name": "Hiking boots", "description": "Waterproof, ankle high.", "category": "shoes", "brand": "Adventurer", "price": {"amount": 9900, "currency": "EUR"}, "stock": 12, "tags": ["outdoor", "leather"]}"#;
/// Accepted, updated, and two that are rejected.
const ROWS: &[u8] = br#"{"sku": "CAP-1", "name": "Cap", "category": "hats", "price": {"amount": 1500, "currency": "EUR"}, "stock": 3}
{"sku": "CAP-1", "name": "Cap", "category": "hats", "price": {"amount": 1600, "currency": "EUR"}, "stock": 3}
{"sku": "CAP 2"}
nothing
"#;
/// Two by two pixels.
const PICTURE: [u8; 74] = [
    137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 2, 0, 0, 0, 2, 8, 2, 0,
    0, 0, 253, 212, 154, 115, 0, 0, 0, 17, 73, 68, 65, 84, 120, 218, 99, 248, 207, 192, 0, 68, 12,
    96, 242, 63, 0, 27, 242, 3, 253, 142, 8, 212, 175, 0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96,
    130,
];

const fn step(
    method: &'static str,
    path: &'static str,
    status: u16,
    headers: Headers,
    body: &'static [u8],
) -> Step {
    Step {
        method,
        path,
        status,
        headers,
        body,
    }
}

impl Step {
    /// The request, for people.
    pub(super) fn told(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

pub(super) const REQUESTS: [Step; 93] = [
    step("GET", "/v1/products?limit=200", 200, NONE, b""),
    step("GET", "/v1/products?limit=200&sort=sku", 200, NONE, b""),
    step("GET", "/v1/products?limit=7&sort=price", 200, NONE, b""),
    step("GET", "/v1/products?limit=7&sort=-price", 200, NONE, b""),
    step("GET", "/v1/products?limit=200&sort=name", 200, NONE, b""),
    step("GET", "/v1/products?limit=5&q=shirt", 200, NONE, b""),
    step("GET", "/v1/products?limit=5&q=shrit", 200, NONE, b""),
    step("GET", "/v1/products?limit=5&q=nothing+like+this", 200, NONE, b""),
    step("GET", "/v1/products?limit=5&category=clothing&total=true", 200, NONE, b""),
    step("GET", "/v1/products?limit=1&facets=category,brand,tag&total=true", 200, NONE, b""),
    step("GET", "/v1/products?limit=20&in_stock=true&sort=sku", 200, NONE, b""),
    step("GET", "/v1/products?limit=20&min_price=2000&max_price=5000&sort=sku&total=true", 200, NONE, b""),
    step("GET", "/v1/products?limit=20&currency=EUR&sort=sku", 200, NONE, b""),
    step("GET", "/v1/products?limit=0", 400, NONE, b""),
    step("GET", "/v1/products?limit=201", 400, NONE, b""),
    step("GET", "/v1/products?sort=colour", 400, NONE, b""),
    step("GET", "/v1/products?sort=relevance", 400, NONE, b""),
    step("GET", "/v1/products?cursor=00", 400, NONE, b""),
    step("GET", "/v1/products?colour=red", 200, NONE, b""),
    step("GET", "/v1/products/00000000000000000000000000000000", 404, NONE, b""),
    step("GET", "/v1/products/none", 404, NONE, b""),
    step("GET", "/v1/nothing", 404, NONE, b""),
    step("PUT", "/v1/products", 405, NONE, b""),
    step("POST", "/v1/products", 400, JSON, b"{"),
    step("POST", "/v1/products", 415, NONE, DRAFT),
    step("POST", "/v1/products", 422, JSON, br#"{"sku": "BOOT-42"}"#),
    step("POST", "/v1/products", 422, JSON, br#"{"sku": "BOOT-42", "name": "Hiking boots", "description": "Waterproof, ankle high.", "category": "shoes", "brand": "Adventurer", "price": {"amount": 9900, "currency": "XXX0"}, "stock": -1, "tags": ["outdoor", "leather"]}"#),
    step("POST", "/v1/products", 201, JSON, DRAFT),
    step("POST", "/v1/products", 409, JSON, DRAFT),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 200, NONE, b""),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 304, ANY, b""),
    step("GET", "/v1/products?q=hiking+boots&limit=5", 200, NONE, b""),
    step("GET", "/v1/products?tag=leather&sort=sku", 200, NONE, b""),
    step("PATCH", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 415, NONE, br#"{"stock": 1}"#),
    step("PATCH", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 400, MERGE, b"{"),
    step("PATCH", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 422, MERGE, br#"{"stock": -1}"#),
    step("PATCH", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 422, MERGE, br#"{"sku": "OTHER"}"#),
    step("PATCH", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 412, MERGE_STALE, br#"{"stock": 3}"#),
    step("PATCH", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 200, MERGE, br#"{"price": {"amount": 8900, "currency": "EUR"}, "brand": null, "stock": 5}"#),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 200, NONE, b""),
    step("PATCH", "/v1/products/00000000000000000000000000000000", 404, MERGE, br#"{"stock": 1}"#),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-1", 404, NONE, b""),
    step("PUT", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-1", 422, JSON, br#"{"quantity": 0}"#),
    step("PUT", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-1", 409, JSON, br#"{"quantity": 6}"#),
    step("PUT", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-1", 201, JSON, br#"{"quantity": 2}"#),
    step("PUT", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-1", 200, JSON, br#"{"quantity": 2}"#),
    step("PUT", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-1", 409, JSON, br#"{"quantity": 3}"#),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-1", 200, NONE, b""),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 200, NONE, b""),
    step("PATCH", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 409, MERGE, br#"{"stock": 1}"#),
    step("DELETE", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 409, NONE, b""),
    step("POST", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-1:confirm", 200, NONE, b""),
    step("POST", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-1:confirm", 200, NONE, b""),
    step("POST", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-1:release", 409, NONE, b""),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-1", 200, NONE, b""),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 200, NONE, b""),
    step("PUT", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-2", 201, JSON, br#"{"quantity": 1}"#),
    step("POST", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-2:release", 200, NONE, b""),
    step("POST", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-2:confirm", 409, NONE, b""),
    step("POST", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/reservations/order-3:confirm", 404, NONE, b""),
    step("GET", "/v1/categories", 200, NONE, b""),
    step("GET", "/v1/categories/boots", 404, NONE, b""),
    step("PUT", "/v1/categories/boots", 422, JSON, b"{}"),
    step("PUT", "/v1/categories/boots", 422, JSON, br#"{"name": "Boots", "parent": "nowhere"}"#),
    step("PUT", "/v1/categories/boots", 201, JSON, br#"{"name": "Boots"}"#),
    step("PUT", "/v1/categories/boots", 200, JSON, br#"{"name": "Boots", "description": "For feet.", "position": 3}"#),
    step("GET", "/v1/categories/boots", 200, NONE, b""),
    step("GET", "/v1/categories/boots", 304, ANY, b""),
    step("PUT", "/v1/categories/boots", 412, JSON_STALE, br#"{"name": "B"}"#),
    step("GET", "/v1/categories", 200, NONE, b""),
    step("DELETE", "/v1/categories/boots", 204, NONE, b""),
    step("DELETE", "/v1/categories/boots", 404, NONE, b""),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/images", 200, NONE, b""),
    step("POST", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/images", 415, JSON, b"{}"),
    step("POST", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/images", 415, PNG, b"no picture"),
    step("POST", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/images", 201, PNG, &PICTURE),
    step("POST", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/images", 200, PNG, &PICTURE),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/images", 200, NONE, b""),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/images/06380603d6d85ade683572c30b240b5a", 200, NONE, b""),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/images/06380603d6d85ade683572c30b240b5a/160", 200, NONE, b""),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/images/00000000000000000000000000000000", 404, NONE, b""),
    step("DELETE", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/images/06380603d6d85ade683572c30b240b5a", 204, NONE, b""),
    step("DELETE", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/images/06380603d6d85ade683572c30b240b5a", 404, NONE, b""),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e/images", 200, NONE, b""),
    step("POST", "/v1/products:import", 415, JSON, ROWS),
    step("POST", "/v1/products:import", 200, NDJSON, ROWS),
    step("GET", "/v1/products?q=cap&limit=5&sort=sku", 200, NONE, b""),
    step("DELETE", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 412, STALE, b""),
    step("DELETE", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 204, NONE, b""),
    step("DELETE", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 404, NONE, b""),
    step("GET", "/v1/products/6f5c8b4c38b70a06d8e8244112a7c55e", 404, NONE, b""),
    step("GET", "/v1/products?limit=200&sort=sku", 200, NONE, b""),
    step("GET", "/v1/products/openapi.json", 200, NONE, b""),
];
