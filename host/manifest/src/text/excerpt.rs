//! A message with the line it is about and a row of carets under the words that it means.

use super::{Mistake, Source, Span};

/// How many columns a tab takes in an excerpt.
const TAB: &str = "    ";

/// The first line of a span, cut into what precedes the span and what is in it.
struct Place<'s> {
    /// Counted from 1.
    line: usize,
    /// Counted from 1, in characters.
    column: usize,
    text: &'s str,
    before: &'s str,
    marked: &'s str,
}

/// Renders a message of a kind (`error`, `warning`), without a line end.
pub(super) fn render(kind: &str, source: &Source, mistake: &Mistake) -> String {
    let place = Place::find(&source.text, mistake.span);
    let number = place.line.to_string();
    let gutter = " ".repeat(number.len());
    let text = format!("{number} | {}", printable(place.text));
    let indent = " ".repeat(width(place.before));
    let carets = "^".repeat(width(place.marked).max(1));
    let mut lines = vec![
        format!("{kind}: {}", printable(&mistake.message)),
        format!(
            "{gutter}--> {}:{}:{}",
            source.name, place.line, place.column
        ),
        format!("{gutter} |"),
        text.trim_end().to_owned(),
        format!("{gutter} | {indent}{carets}"),
    ];
    if let Some(hint) = &mistake.hint {
        lines.push(format!("{gutter} = hint: {}", printable(hint)));
    }
    lines.join("\n")
}

/// The line and the column, in characters, that a span begins at; both counted from 1.
pub(super) fn position(text: &str, span: Span) -> (usize, usize) {
    let place = Place::find(text, span);
    (place.line, place.column)
}

/// Text that a terminal shows as it is: a control character in a manifest must not move its cursor.
fn printable(text: &str) -> String {
    let visible = |c: char| {
        if c.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    text.split('\t')
        .map(|part| part.chars().map(visible).collect::<String>())
        .collect::<Vec<_>>()
        .join(TAB)
}

fn width(text: &str) -> usize {
    text.chars()
        .map(|c| if c == '\t' { TAB.len() } else { 1 })
        .sum()
}

/// The nearest character boundary at or before an offset, which may lie behind the end.
fn boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

// === impl Place ===

impl<'s> Place<'s> {
    fn find(text: &'s str, span: Span) -> Self {
        let start = boundary(text, span.start);
        let end = boundary(text, span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let rest = &text[line_start..];
        let line = rest.split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let from = (start - line_start).min(line.len());
        let to = (end - line_start).min(line.len()).max(from);
        Self {
            line: text[..line_start].matches('\n').count() + 1,
            column: line[..from].chars().count() + 1,
            text: line,
            before: &line[..from],
            marked: &line[from..to],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str, span: std::ops::Range<usize>) -> String {
        render(
            "error",
            &Source::new("a.toml", text),
            &Mistake::new(span.into(), "wrong"),
        )
    }

    #[test]
    fn carets_stand_under_the_span() {
        let expected = "error: wrong\n --> a.toml:2:5\n  |\n2 | b = 12\n  |     ^^";
        assert_eq!(rendered("a = 1\nb = 12\n", 10..12), expected);
    }

    #[test]
    fn the_hint_comes_last() {
        let mistake = Mistake::new((0..1).into(), "wrong").hint("do right");
        let shown = render("warning", &Source::new("a.toml", "a"), &mistake);
        assert_eq!(
            shown,
            "warning: wrong\n --> a.toml:1:1\n  |\n1 | a\n  | ^\n  = hint: do right"
        );
    }

    #[test]
    fn the_gutter_is_as_wide_as_the_line_number() {
        let text = format!("{}x", "\n".repeat(11));
        assert_eq!(
            rendered(&text, 11..12),
            "error: wrong\n  --> a.toml:12:1\n   |\n12 | x\n   | ^"
        );
    }

    #[test]
    fn a_tab_is_one_column_and_four_cells() {
        assert_eq!(
            rendered("\ta = 1", 5..6),
            "error: wrong\n --> a.toml:1:6\n  |\n1 |     a = 1\n  |         ^"
        );
    }

    #[test]
    fn a_column_is_a_character_not_a_byte() {
        let text = "ä = \"ö\" # x";
        let start = text.find('x').expect("x is there");
        assert_eq!(
            rendered(text, start..start + 1),
            "error: wrong\n --> a.toml:1:11\n  |\n1 | ä = \"ö\" # x\n  |           ^"
        );
    }

    #[test]
    fn a_carriage_return_is_not_part_of_the_line() {
        assert_eq!(
            rendered("a = 1\r\nb\r\n", 4..9),
            "error: wrong\n --> a.toml:1:5\n  |\n1 | a = 1\n  |     ^"
        );
        assert_eq!(
            rendered("a\r\nb\r\n", 4..4),
            "error: wrong\n --> a.toml:2:2\n  |\n2 | b\n  |  ^"
        );
    }

    #[test]
    fn only_the_first_line_of_a_span_is_underlined() {
        assert_eq!(
            rendered("a = [\n1,\n]", 4..9),
            "error: wrong\n --> a.toml:1:5\n  |\n1 | a = [\n  |     ^"
        );
    }

    #[test]
    fn the_end_of_the_text_is_a_place() {
        assert_eq!(
            rendered("", 0..0),
            "error: wrong\n --> a.toml:1:1\n  |\n1 |\n  | ^"
        );
        assert_eq!(
            rendered("ab", 2..2),
            "error: wrong\n --> a.toml:1:3\n  |\n1 | ab\n  |   ^"
        );
        assert_eq!(
            rendered("ab\n", 3..3),
            "error: wrong\n --> a.toml:2:1\n  |\n2 |\n  | ^"
        );
        assert_eq!(
            rendered("ab", 90..99),
            "error: wrong\n --> a.toml:1:3\n  |\n1 | ab\n  |   ^"
        );
    }

    #[test]
    fn an_offset_inside_a_character_is_moved_before_it() {
        assert_eq!(
            rendered("ää", 3..3),
            "error: wrong\n --> a.toml:1:2\n  |\n1 | ää\n  |  ^"
        );
    }

    #[test]
    fn control_characters_are_not_shown() {
        assert!(rendered("a\u{1b}[2J", 0..1).contains("1 | a\u{fffd}[2J"));
    }
}
