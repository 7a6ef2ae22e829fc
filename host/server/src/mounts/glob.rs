//! Patterns of paths, to the letter those that Spin understands: `?`, `*`, `**`, `[abc]`, `[a-z]`, `[!…]`. Everything
//! else stands for itself, braces and backslashes included.

/// A pattern, ready to compare with.
#[derive(Debug)]
pub(super) struct Glob {
    tokens: Vec<Token>,
    /// Whether `?`, `*` and classes match slashes: they do in `exclude_files`, and not in `files`.
    crosses: bool,
}

#[derive(Debug)]
enum Token {
    Char(char),
    /// `?`
    Any,
    /// `[…]` and `[!…]`: ranges, and whether one of them is wanted.
    Class(Vec<(char, char)>, bool),
    /// `*`
    Sequence,
    /// `**/`: any number of folders, or none.
    Folders,
    /// `**` at the end.
    Rest,
}

/// Whether a text is more than a path. What exists by this very name is meant even so.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['?', '*', '[', ']'])
}

impl Glob {
    /// A pattern of `files`.
    pub(super) fn of_files(text: &str) -> Result<Self, String> {
        Self::parse(text, false)
    }

    /// A pattern of `exclude_files`.
    pub(super) fn of_excluded(text: &str) -> Result<Self, String> {
        Self::parse(text, true)
    }

    fn parse(text: &str, crosses: bool) -> Result<Self, String> {
        let chars: Vec<char> = text.chars().collect();
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(char) = chars.get(at) {
            let (token, taken) = match char {
                '?' => (Token::Any, 1),
                '*' => stars(&chars, at)?,
                '[' => class(&chars[at..]).ok_or("a `[` has no `]`")?,
                char => (Token::Char(*char), 1),
            };
            tokens.push(token);
            at += taken;
        }
        Ok(Self { tokens, crosses })
    }

    /// Whether a path matches. Takes steps in the product of both lengths, whatever they are.
    pub(super) fn matches(&self, path: &str) -> bool {
        // It names folders alone, and only files are looked for.
        if !self.crosses && matches!(self.tokens.last(), Some(Token::Rest)) {
            return false;
        }
        // Which tokens may come next, and in which folders of `**/` we are in the middle of a name.
        let mut next = vec![false; self.tokens.len() + 1];
        let mut within = vec![false; self.tokens.len()];
        next[0] = true;
        self.skip(&mut next);
        for char in path.chars() {
            (next, within) = self.step(&next, &within, char);
        }
        next[self.tokens.len()]
    }

    fn step(&self, now: &[bool], in_name: &[bool], char: char) -> (Vec<bool>, Vec<bool>) {
        let mut next = vec![false; now.len()];
        let mut within = vec![false; in_name.len()];
        let is_slash = char == '/';
        let may_pass = self.crosses || !is_slash;
        for (at, token) in self.tokens.iter().enumerate() {
            match token {
                Token::Folders => {
                    let here = now[at] || in_name[at];
                    next[at] |= here && is_slash;
                    within[at] |= here && !is_slash;
                }
                _ if !now[at] => {}
                Token::Char(wanted) => next[at + 1] |= *wanted == char,
                Token::Any => next[at + 1] |= may_pass,
                Token::Class(ranges, wanted) => {
                    let found = ranges
                        .iter()
                        .any(|(from, to)| (*from..=*to).contains(&char));
                    next[at + 1] |= may_pass && found == *wanted;
                }
                Token::Sequence => next[at] |= may_pass,
                Token::Rest => next[at] = true,
            }
        }
        self.skip(&mut next);
        (next, within)
    }

    /// What may stand for nothing may be skipped.
    fn skip(&self, next: &mut [bool]) {
        for (at, token) in self.tokens.iter().enumerate() {
            let optional = matches!(token, Token::Sequence | Token::Folders | Token::Rest);
            next[at + 1] |= next[at] && optional;
        }
    }
}

/// A run of stars, and how many characters it takes.
fn stars(chars: &[char], at: usize) -> Result<(Token, usize), &'static str> {
    let count = chars[at..].iter().take_while(|char| **char == '*').count();
    let begins = at == 0 || chars[at - 1] == '/';
    match (count, chars.get(at + count)) {
        (1, _) => Ok((Token::Sequence, 1)),
        (2, Some('/')) if begins => Ok((Token::Folders, 3)),
        (2, None) if begins => Ok((Token::Rest, 2)),
        (2, _) => Err("`**` must stand alone between slashes"),
        _ => Err("there are only `*` and `**`"),
    }
}

/// A class at the beginning of these characters, and how many of them it takes. The first one in it may be `]`.
fn class(chars: &[char]) -> Option<(Token, usize)> {
    let wanted = chars.get(1) != Some(&'!');
    let first = if wanted { 1 } else { 2 };
    let end = chars.iter().skip(first + 1).position(|char| *char == ']')? + first + 1;
    let mut ranges = Vec::new();
    let mut rest = &chars[first..end];
    while let [from, more @ ..] = rest {
        rest = match more {
            ['-', to, behind @ ..] => {
                ranges.push((*from, *to));
                behind
            }
            more => {
                ranges.push((*from, *from));
                more
            }
        };
    }
    Some((Token::Class(ranges, wanted), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> (bool, bool) {
        let files = Glob::of_files(pattern).unwrap_or_else(|told| panic!("{pattern}: {told}"));
        let excluded = Glob::of_excluded(pattern).unwrap_or_else(|told| panic!("{told}"));
        (files.matches(path), excluded.matches(path))
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "a**", "**a", "a/**b/c", "***", "a/***/b", "[", "[]", "[!]", "a[b",
        ] {
            assert!(Glob::of_files(text).is_err(), "{text}");
            assert!(Glob::of_excluded(text).is_err(), "{text}");
        }
    }

    #[test]
    fn other_paths_do_not_match() {
        for (pattern, path) in [
            ("", "a"),
            ("a", ""),
            ("a", "ab"),
            ("a?", "a"),
            ("*.css", "a.js"),
            ("[a-c]", "d"),
            ("[!a-c]", "b"),
            ("**/b", "a/bb"),
            ("a/**/b", "ab"),
            ("a/**/b", "a/bb"),
            ("A", "a"),
        ] {
            assert_eq!(matches(pattern, path), (false, false), "{pattern} {path}");
        }
    }

    #[test]
    fn stars_stay_in_a_folder_of_files_and_leave_one_of_exclusions() {
        for (pattern, path) in [
            ("*", "a/b"),
            ("*.css", "a/b.css"),
            ("a?b", "a/b"),
            ("a[!x]b", "a/b"),
            ("a*c", "a/b/c"),
        ] {
            assert_eq!(matches(pattern, path), (false, true), "{pattern} {path}");
        }
        // It names folders alone.
        assert_eq!(matches("a/**", "a/b"), (false, true));
        assert_eq!(matches("**", "a/b"), (false, true));
    }

    #[test]
    fn paths_match() {
        for (pattern, path) in [
            ("", ""),
            ("*", ".hidden"),
            ("a/*", "a/b"),
            ("**/*", "a"),
            ("**/*", "a/b/.c"),
            ("a/**/b", "a/b"),
            ("a/**/b", "a/x/y/b"),
            ("**/**/b", "x/b"),
            ("[a-c]x[]]", "bx]"),
            ("[-a]", "-"),
            ("[!]]", "a"),
            ("{a,b}\\", "{a,b}\\"),
            ("ü?", "üß"),
        ] {
            assert_eq!(matches(pattern, path), (true, true), "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_compared_in_bounded_time() {
        let pattern = "*a".repeat(200) + "b";
        assert_eq!(matches(&pattern, &"a".repeat(2_000)), (false, false));
    }
}
