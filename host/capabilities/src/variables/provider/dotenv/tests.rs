use super::*;

/// The entries of a text, by name.
fn entries(text: &str) -> Vec<(String, String)> {
    let values = parse(text).unwrap_or_else(|flaws| panic!("{text:?}: {flaws:?}"));
    let shown = |(name, value): (String, Result<Secret, usize>)| {
        let value = value.unwrap_or_else(|line| panic!("{text:?}: line {line}"));
        (name, value.expose().to_owned())
    };
    values.into_iter().map(shown).collect()
}

#[track_caller]
fn assert_value(line: &str, value: &str) {
    assert_eq!(
        entries(line),
        [("A".to_owned(), value.to_owned())],
        "{line}"
    );
}

#[test]
fn every_wrong_line_is_told_by_its_number() {
    let text = "A=1\nB\n1C=2\nD=\"open\n";
    assert_eq!(
        parse(text).map(drop),
        Err(vec![(2, EQUALS), (3, NAME), (4, QUOTE)])
    );
}

#[test]
fn what_spin_would_replace_has_no_value() {
    for text in ["A=$HOME", "A=x${HOME}", "A=\"$HOME\""] {
        let values = parse(&format!("B=1\n{text}\nC='$'\n"));
        let secret = |text: &str| Ok(Secret::new(text));
        let expected = [("A", Err(2)), ("B", secret("1")), ("C", secret("$"))];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(values, Ok(BTreeMap::from(expected)), "{text}");
    }
}

#[test]
fn what_is_not_clear_is_refused() {
    assert_eq!(parse("A=b c").map(drop), Err(vec![(1, BEHIND)]));
    assert_eq!(parse("A='b' c").map(drop), Err(vec![(1, BEHIND)]));
    assert_eq!(parse("A=\\t").map(drop), Err(vec![(1, ESCAPE)]));
    assert_eq!(parse("A=b\\").map(drop), Err(vec![(1, ESCAPE)]));
    assert_eq!(parse("A='b").map(drop), Err(vec![(1, QUOTE)]));
}

#[test]
fn values_may_be_bare_or_in_quotes() {
    assert_value("A=b", "b");
    assert_value("A=", "");
    assert_value("A = b", "b");
    assert_value("  export A=b", "b");
    assert_value("A=b=c", "b=c");
    assert_value("A='b $c \\n'", "b $c \\n");
    assert_value("A=\"b \\\"c\\\" \\$d\\n\"", "b \"c\" $d\n");
    assert_value("A=b'c'\"d\"", "bcd");
    assert_value("A=b\\ c", "b c");
}

#[test]
fn a_quoted_value_may_have_several_lines() {
    let key = "-----BEGIN-----\nabc\n-----END-----\n";
    let text = format!("A='{key}'\nB=\"1\n2\"\nC=3\n");
    let expected = [("A", key), ("B", "1\n2"), ("C", "3")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(entries(&text), expected);
}

#[test]
fn comments_and_empty_lines_say_nothing() {
    assert_value("# B=1\n\n   \nA=b # C=2\n#D=3", "b");
    assert_value("A= # nothing", "");
    assert_value("A=b#c", "b#c");
}

#[test]
fn line_ends_and_marks_of_other_systems_are_no_part_of_it() {
    let expected = [("A", "1"), ("B", "2")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(entries("\u{feff}A=1\r\n\r\nB='2'\r\n"), expected);
}

#[test]
fn the_later_of_two_lines_counts() {
    assert_value("A=1\nA=2\n", "2");
}

#[test]
fn export_may_be_a_name() {
    assert_eq!(entries("export=1"), [("export".to_owned(), "1".to_owned())]);
}
