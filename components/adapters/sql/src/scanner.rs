//! A text of SQL in pieces, as SQLite cuts it: only as fine as this adapter needs, and never finer than SQLite.

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    /// Spaces and comments.
    Blank(&'t str),
    /// A keyword, a name without quotes, or a number.
    Word(&'t str),
    /// A text or a name in quotes.
    Quoted(&'t str),
    /// `$1`, `?`, `:name` and the like.
    Parameter(&'t str),
    /// One sign.
    Sign(char),
}

/// The pieces of a text, one after the other. Together they are the text.
pub(crate) struct Scanner<'t> {
    rest: &'t str,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    /// Takes so many bytes off the text.
    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    /// Takes what is within quotes; a doubled one is one of the text. Without an end, all of it, which SQLite refuses.
    fn quoted(&mut self, end: char) -> Piece<'t> {
        let mut letters = self.rest.char_indices().skip(1).peekable();
        let mut length = self.rest.len();
        while let Some((at, letter)) = letters.next() {
            if letter != end {
                continue;
            }
            let doubled = end != ']' && letters.next_if(|(_, next)| *next == end).is_some();
            if !doubled {
                length = at + 1;
                break;
            }
        }
        Piece::Quoted(self.take(length))
    }

    /// Takes a comment up to and with its end, or all that is left.
    fn comment(&mut self, end: &str) -> Piece<'t> {
        let start = 2;
        let found = self.rest[start..].find(end);
        let length = found.map_or(self.rest.len(), |at| start + at + end.len());
        Piece::Blank(self.take(length))
    }

    /// Takes as many letters as belong together, and at least `least` bytes.
    fn run(&mut self, least: usize, belongs: fn(char) -> bool) -> &'t str {
        let found = self.rest[least..].find(|letter| !belongs(letter));
        let length = found.map_or(self.rest.len(), |at| least + at);
        self.take(length)
    }
}

impl<'t> Iterator for Scanner<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        let first = self.rest.chars().next()?;
        Some(match first {
            _ if is_space(first) => Piece::Blank(self.run(1, is_space)),
            '-' if self.rest.starts_with("--") => self.comment("\n"),
            '/' if self.rest.starts_with("/*") => self.comment("*/"),
            '\'' | '"' | '`' => self.quoted(first),
            '[' => self.quoted(']'),
            '$' | '?' | ':' | '@' | '#' => Piece::Parameter(self.run(1, is_of_name)),
            _ if is_of_name(first) => Piece::Word(self.run(first.len_utf8(), is_of_name)),
            _ => {
                self.take(first.len_utf8());
                Piece::Sign(first)
            }
        })
    }
}

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

/// What a name may go on with. All that is not ASCII is a letter to SQLite.
fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$') || !letter.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(pieces: &[Piece<'_>]) -> String {
        let text = |piece: &Piece<'_>| match piece {
            Piece::Blank(text)
            | Piece::Word(text)
            | Piece::Quoted(text)
            | Piece::Parameter(text) => (*text).to_owned(),
            Piece::Sign(sign) => sign.to_string(),
        };
        pieces.iter().map(text).collect()
    }

    #[test]
    fn pieces_are_the_text() {
        for text in [
            "",
            "SELECT 1",
            "'",
            "'a''b",
            "\"ä\"\"",
            "[a]]",
            "/*",
            "/**/--x",
            "--\n$1a$2",
            "ä$1",
            "x'00'",
            "a.b->>'$.c'",
            "$",
            "::",
        ] {
            let pieces: Vec<_> = Scanner::new(text).collect();
            assert_eq!(whole(&pieces), text);
        }
    }

    #[test]
    fn what_looks_like_a_parameter_in_quotes_is_none() {
        for text in [
            "'$1'", "'a''$1'", "\"$1\"", "`$1`", "[$1]", "-- $1", "/* $1 */", "a$1",
        ] {
            let found = Scanner::new(text).any(|piece| matches!(piece, Piece::Parameter(_)));
            assert!(!found, "{text}");
        }
        for (text, parameter) in [
            ("('a')$1", "$1"),
            ("[a]]$1", "$1"),
            ("''$1", "$1"),
            ("--\n$12,", "$12"),
            ("/**/$1", "$1"),
            ("=?", "?"),
            (">:a1", ":a1"),
        ] {
            let found = Scanner::new(text).any(|piece| piece == Piece::Parameter(parameter));
            assert!(found, "{text}");
        }
    }
}
