//! What a client says of a category.

use crate::product::{Reader, Violation, rules};
use serde_json::Value;

const DESCRIPTION_CHARS_MAX: usize = 300;
const NAME_CHARS_MAX: usize = 100;
const POSITION_MAX: u64 = 1_000_000;

/// What a client says of a category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) parent: Option<String>,
    pub(super) position: u64,
}

pub(super) fn said(document: &Value) -> Result<Said, Vec<Violation>> {
    let mut reader = Reader::new(document, "#").map_err(|violation| vec![violation])?;
    reader.only(&["name", "description", "parent", "position"]);
    let name = reader.required("name");
    // As it is shown: null where there is none.
    let parent = reader.optional("parent").filter(|parent| !parent.is_null());
    let (description, position) = (reader.optional("description"), reader.optional("position"));
    let said = Said {
        name: reader.text("name", name, self::name),
        description: reader.text("description", description, self::description),
        parent: parent.map(|parent| reader.text("parent", Some(parent), rules::category)),
        position: reader.integer("position", position, POSITION_MAX),
    };
    let violations = reader.into_violations();
    match violations.is_empty() {
        true => Ok(said),
        false => Err(violations),
    }
}

fn name(text: &str) -> Result<(), String> {
    rules::line(text, 1, NAME_CHARS_MAX)
}

fn description(text: &str) -> Result<(), String> {
    rules::lines(text, DESCRIPTION_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn refused_when_a_member_is_not_what_it_should_be() {
        let cases = [
            (json!({}), "#/name"),
            (json!({"name": ""}), "#/name"),
            (json!({"name": " "}), "#/name"),
            (json!({"name": "A\u{0}"}), "#/name"),
            (json!({"name": "x".repeat(101)}), "#/name"),
            (
                json!({"name": "A", "description": "x".repeat(301)}),
                "#/description",
            ),
            (json!({"name": "A", "parent": "No Slug"}), "#/parent"),
            (json!({"name": "A", "position": -1}), "#/position"),
            (json!({"name": "A", "slug": "a"}), "#/slug"),
            (json!("A"), "#"),
        ];
        for (document, pointer) in cases {
            let violations = said(&document).expect_err("refused");
            let pointers: Vec<_> = violations.iter().map(|wrong| &wrong.pointer).collect();
            assert_eq!(pointers, [pointer], "{document}");
        }
    }

    #[test]
    fn a_name_is_enough() {
        let expected = Said {
            name: "A".to_owned(),
            description: String::new(),
            parent: None,
            position: 0,
        };
        assert_eq!(said(&json!({"name": "A", "parent": null})), Ok(expected));
    }
}
