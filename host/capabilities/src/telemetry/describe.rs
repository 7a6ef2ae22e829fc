//! Who tells, and by which library.

use std::sync::Arc;

use serde::Serialize;

use super::value::{Attributes, bounded};
use super::{NAME_BYTES_MAX, TEXT_BYTES_MAX};

/// What a guest may not say of itself: the host does. Whole families, since what names a service is more than its name.
const RESERVED: [&str; 2] = ["service.", "stoa."];

/// Who tells. What a guest says of itself stands beside what the host says of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// What a guest says.
    pub attributes: Attributes,
    /// After which version of the conventions its names are.
    pub schema_url: Option<String>,
}

/// The library by which it is told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scope {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// After which version of the conventions its names are.
    pub schema_url: Option<String>,
    /// What else is said of it.
    pub attributes: Attributes,
}

impl Resource {
    /// Members of a `resourceSpans` and its like, for a component in a revision.
    pub(super) fn members(self, component: &str, revision: &str) -> Arc<str> {
        #[derive(Serialize)]
        struct Written {
            attributes: Attributes,
        }
        let reserved = |key: &str| RESERVED.iter().any(|family| key.starts_with(family));
        let mut attributes = self.attributes.without(reserved);
        attributes.push("service.name", component);
        attributes.push("service.version", revision);
        members("resource", &Written { attributes }, self.schema_url)
    }
}

impl Scope {
    /// Members of a `scopeSpans` and its like.
    pub(super) fn members(self) -> Arc<str> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Written {
            name: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            version: Option<String>,
            #[serde(skip_serializing_if = "Attributes::is_empty")]
            attributes: Attributes,
            dropped_attributes_count: u32,
        }
        let written = Written {
            name: bounded(self.name, NAME_BYTES_MAX),
            version: self.version.map(|text| bounded(text, NAME_BYTES_MAX)),
            dropped_attributes_count: self.attributes.dropped(),
            attributes: self.attributes,
        };
        members("scope", &written, self.schema_url)
    }
}

fn members(name: &str, written: &impl Serialize, schema_url: Option<String>) -> Arc<str> {
    let mut members = format!("\"{name}\":{}", json(written));
    // A URL that is cut off leads elsewhere.
    if let Some(url) = schema_url.filter(|url| url.len() <= TEXT_BYTES_MAX) {
        members.push_str(&format!(",\"schemaUrl\":{}", json(&url)));
    }
    members.into()
}

pub(super) fn json(written: &impl Serialize) -> String {
    serde_json::to_string(written).expect("the model has names as keys and nothing that fails")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(written: &[(&str, &str)]) -> Attributes {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Attributes::new(written.iter().map(owned))
    }

    #[test]
    fn who_tells_is_not_for_a_guest_to_say() {
        let resource = Resource {
            attributes: attributes(&[
                ("service.name", "\"somebody-else\""),
                ("service.instance.id", "\"7\""),
                ("stoa.component", "\"somebody-else\""),
                ("region", "\"eu\""),
            ]),
            schema_url: None,
        };
        assert_eq!(
            &*resource.members("guest", "abc"),
            "\"resource\":{\"attributes\":[\
             {\"key\":\"region\",\"value\":{\"stringValue\":\"eu\"}},\
             {\"key\":\"service.name\",\"value\":{\"stringValue\":\"guest\"}},\
             {\"key\":\"service.version\",\"value\":{\"stringValue\":\"abc\"}}]}"
        );
    }

    #[test]
    fn a_library_is_told_with_its_version() {
        let scope = Scope {
            name: "lib\"".into(),
            version: Some("1".into()),
            schema_url: Some("https://a".into()),
            attributes: Attributes::default(),
        };
        assert_eq!(
            &*scope.members(),
            "\"scope\":{\"name\":\"lib\\\"\",\"version\":\"1\",\"droppedAttributesCount\":0},\
             \"schemaUrl\":\"https://a\""
        );
    }
}
