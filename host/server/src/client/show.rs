//! How answers look on a terminal: plain text, aligned columns, nothing of the host's own making that moves a cursor.

use time::OffsetDateTime;

use crate::admin::messages::{Difference, Direction, Problem, Timings};

/// How much of a list is shown where its length is what matters.
const SHOWN_MAX: usize = 3;

/// Rows with their columns aligned, one line each.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    });
    let lines: Vec<String> = rows.iter().map(|row| line(row, &widths)).collect();
    lines.join("\n")
}

fn line<const N: usize>(row: &[String; N], widths: &[usize; N]) -> String {
    let cells = row.iter().zip(*widths);
    let padded: Vec<String> = cells
        .map(|(cell, width)| format!("{cell:<width$}"))
        .collect();
    padded.join("  ").trim_end().to_owned()
}

/// A text that somebody else wrote, on one line and without what a terminal would obey or what makes a text look like
/// another.
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => shown.push(' '),
            character if character.is_control() || is_hidden(character) => {
                shown.extend(character.escape_default());
            }
            character => shown.push(character),
        }
    }
    shown
}

/// Characters that are not seen: they turn the direction of others, break lines or have no width.
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
    )
}

/// JSON that somebody else wrote, as it is but for what a terminal would obey: that is escaped as in any text of it.
pub(crate) fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => shown.push(character),
            control if control.is_control() => {
                shown.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => shown.push(other),
        }
    }
    shown
}

/// As [`plain`], but lines stay lines.
pub(crate) fn plain_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(plain).collect();
    lines.join("\n")
}

/// Milliseconds since 1970, as UTC to the second.
pub(crate) fn time(at_ms: u64) -> String {
    let seconds = i64::try_from(at_ms / 1_000).ok();
    let Some(at) = seconds.and_then(|it| OffsetDateTime::from_unix_timestamp(it).ok()) else {
        return format!("{at_ms} ms");
    };
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

pub(crate) fn bytes(count: u64) -> String {
    const KIB: f64 = 1024.0;
    let count = count as f64;
    match count {
        small if small < KIB => format!("{small} B"),
        middle if middle < KIB * KIB => format!("{:.1} KiB", middle / KIB),
        large => format!("{:.1} MiB", large / KIB / KIB),
    }
}

pub(crate) fn timings(timings: &Timings) -> String {
    format!(
        "prepared in {}, recorded in {}, swapped in {}",
        milliseconds(timings.prepare_ms),
        milliseconds(timings.record_ms),
        milliseconds(timings.swap_ms)
    )
}

pub(crate) fn milliseconds(ms: f64) -> String {
    match ms < 10.0 {
        true => format!("{ms:.1} ms"),
        false => format!("{ms:.0} ms"),
    }
}

/// A line for each difference: `+` is more than before, `-` is less, `~` is neither.
pub(crate) fn differences(differences: &[Difference]) -> String {
    let lines: Vec<String> = differences.iter().map(difference).collect();
    lines.join("\n")
}

fn difference(difference: &Difference) -> String {
    let sign = match difference.direction {
        Direction::Wider => '+',
        Direction::Narrower => '-',
        Direction::Other => '~',
    };
    let whose = difference.component.as_deref().unwrap_or("the application");
    format!("  {sign} {} {}", plain(whose), plain(&difference.what))
}

/// How a candidate is reached by those who do not have a share of it.
pub(crate) fn reach(key: &str) -> String {
    format!("reach it with `curl -H 'stoa-release: {}' …`", plain(key))
}

/// Why the host refused: each problem, what was too much, and what serves on.
pub(crate) fn refusal(problem: &Problem) -> String {
    let mut told: Vec<String> = problem.problems.iter().map(|it| headed(it)).collect();
    if told.is_empty() {
        told.push(headed(&problem.title));
    }
    if !problem.differences.is_empty() {
        told.push(differences(&problem.differences));
        told.push("  = hint: `--allow-new-grants` allows it".to_owned());
    }
    if !problem.missing.is_empty() {
        told.push(missing(problem));
    }
    if let Some(serving) = &problem.serving {
        told.push(format!("still serving: {}", plain(serving)));
    }
    told.join("\n")
}

/// Mistakes in files come with a heading of their own.
fn headed(problem: &str) -> String {
    let problem = plain_lines(problem);
    match problem.starts_with("error") {
        true => problem,
        false => format!("error: {problem}"),
    }
}

fn missing(problem: &Problem) -> String {
    let shown = problem.missing.iter().take(SHOWN_MAX);
    let mut shown: Vec<String> = shown.map(ToString::to_string).collect();
    if problem.missing.len() > SHOWN_MAX {
        shown.push(format!("{} more", problem.missing.len() - SHOWN_MAX));
    }
    format!("  = missing: {}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use stoa_capabilities::releases::Digest;

    use super::*;

    fn problem() -> Problem {
        Problem {
            code: "new-grants".into(),
            title: "the release may do more than the one that serves".into(),
            status: 403,
            problems: Vec::new(),
            differences: Vec::new(),
            missing: Vec::new(),
            serving: Some("release 6 (version 11)".into()),
        }
    }

    fn wider(component: Option<&str>, what: &str) -> Difference {
        Difference {
            direction: Direction::Wider,
            component: component.map(Into::into),
            what: what.into(),
        }
    }

    #[test]
    fn a_refusal_tells_every_problem_and_what_serves_on() {
        let mut problem = problem();
        problem.problems = vec![
            "component `a`: no\n  = hint: do".into(),
            "error: spin.toml:1:1".into(),
        ];
        assert_eq!(
            refusal(&problem),
            "error: component `a`: no\n  = hint: do\nerror: spin.toml:1:1\nstill serving: release 6 (version 11)"
        );
    }

    #[test]
    fn new_grants_are_told_with_what_allows_them() {
        let mut problem = problem();
        problem.differences = vec![
            wider(Some("products"), "may write to key-value store `default`"),
            wider(None, "has a route `/x`"),
        ];
        assert_eq!(
            refusal(&problem),
            "error: the release may do more than the one that serves\n\
             \u{20} + products may write to key-value store `default`\n\
             \u{20} + the application has a route `/x`\n\
             \u{20} = hint: `--allow-new-grants` allows it\n\
             still serving: release 6 (version 11)"
        );
    }

    #[test]
    fn of_many_missing_files_a_few_are_named() {
        let mut problem = problem();
        problem.serving = None;
        let digests: Vec<Digest> = (0..5).map(|it| Digest::of(&[it])).collect();
        problem.missing = digests.clone();
        let told = refusal(&problem);
        assert!(told.ends_with(&format!("{}, 2 more", digests[2])), "{told}");
        assert!(!told.contains(&digests[3].to_string()), "{told}");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        assert_eq!(plain("a\u{1b}[2Jb\r\n\tc"), "a\\u{1b}[2Jb\\r\\n c");
        assert_eq!(plain("\u{202e}moc.a\u{200b}"), "\\u{202e}moc.a\\u{200b}");
        let mut problem = problem();
        problem.problems = vec!["\u{1b}]0;x\u{7}".into()];
        problem.serving = Some("\u{1b}".into());
        assert!(!refusal(&problem).contains('\u{1b}'));
    }

    #[test]
    fn json_stays_what_it_is_and_moves_no_cursor() {
        let text = "{\n\t\"a\": \"\u{9b}2Jü\u{7f}\"\n}";
        let shown = json(text);
        assert_eq!(shown, "{\n\t\"a\": \"\\u009b2Jü\\u007f\"\n}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text);
        assert_eq!(read(&shown).ok(), read(text).ok());
        assert_eq!(json("\u{1b}[2J"), "\\u001b[2J");
    }

    #[test]
    fn columns_are_aligned_by_characters() {
        let row = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        assert_eq!(
            columns(&[row("größe", "1"), row("x", "22"), row("yy", "")]),
            "größe  1\nx      22\nyy"
        );
        assert_eq!(columns::<2>(&[]), "");
    }

    #[test]
    fn times_and_sizes_are_for_people() {
        assert_eq!(time(0), "1970-01-01 00:00:00Z");
        assert_eq!(time(1_764_079_387_999), "2025-11-25 14:03:07Z");
        assert_eq!(time(u64::MAX), "18446744073709551615 ms");
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(3 << 20), "3.0 MiB");
        assert_eq!(milliseconds(0.21), "0.2 ms");
        assert_eq!(milliseconds(812.4), "812 ms");
    }
}
