//! How a tree becomes a list.

use super::*;

fn exists(path: &str, exists: bool) -> Condition {
    let path = path.to_owned();
    Condition::Exists { path, exists }
}

#[test]
fn everything_is_an_empty_list() {
    assert!(Filter::everything().flatten().is_empty());
    let twice = Filter::everything() & Filter::default();
    assert!(twice.flatten().is_empty());
    let one = Filter::everything() & field("a").exists();
    assert_eq!(one.flatten(), [exists("a", true)]);
}

#[test]
fn children_come_before_what_joins_them() {
    let (a, b, c) = (
        field("a").exists(),
        field("b").exists(),
        field("c").exists(),
    );
    let list = ((a & b) | !c).flatten();
    let expected = [
        exists("a", true),
        exists("b", true),
        Condition::AllOf(vec![0, 1]),
        exists("c", false),
        Condition::AnyOf(vec![2, 3]),
    ];
    assert_eq!(list, expected);
}

#[test]
fn joining_and_denying_make_no_needless_conditions() {
    let (a, b, c) = (
        field("a").exists(),
        field("b").exists(),
        field("c").exists(),
    );
    let list = (!(a.clone() | b.clone() | c.clone())).flatten();
    assert_eq!(list.last(), Some(&Condition::NoneOf(vec![0, 1, 2])));
    let list = (a & b & c).flatten();
    assert_eq!(list.last(), Some(&Condition::AllOf(vec![0, 1, 2])));
}

#[test]
fn an_element_comes_after_what_it_must_fulfil() {
    let list = field("variants").any_element(field("sku").exists());
    let element = Condition::Element {
        path: "variants".to_owned(),
        condition: 0,
    };
    assert_eq!(list.flatten(), [exists("sku", true), element]);
}
