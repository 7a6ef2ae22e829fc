//! A file with SQL, cut into statements: at every semicolon that is outside of quotes, comments and the bodies of triggers.

/// The statements of a text, without what stands between them.
pub(super) fn statements(text: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let (mut start, mut words) = (0, Words::default());
    let mut rest = text;
    while let Some(token) = Token::next(rest) {
        let at = text.len() - rest.len();
        rest = &rest[token.length..];
        match token.kind {
            Kind::Blank => {}
            Kind::Semicolon if words.may_end() => {
                statements.extend(words.any.then(|| text[start..at].trim().to_owned()));
                (start, words) = (at + token.length, Words::default());
            }
            Kind::Semicolon => words.add(";"),
            Kind::Word => words.add(&text[at..at + token.length]),
            Kind::Other => words.add(""),
        }
    }
    statements.extend(words.any.then(|| text[start..].trim().to_owned()));
    statements
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// White space and comments.
    Blank,
    Semicolon,
    Word,
    /// Anything else: quoted texts and single characters.
    Other,
}

struct Token {
    kind: Kind,
    /// In bytes.
    length: usize,
}

impl Token {
    /// The first token; a quote or comment that is not closed goes to the end.
    fn next(text: &str) -> Option<Self> {
        let first = text.chars().next()?;
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let (kind, length) = match first {
            ';' => (Kind::Semicolon, 1),
            '-' if text.starts_with("--") => (Kind::Blank, text.find('\n').unwrap_or(text.len())),
            '/' if text.starts_with("/*") => (Kind::Blank, behind(text, 2, "*/")),
            '\'' | '"' | '`' => (Kind::Other, behind(text, 1, &first.to_string())),
            '[' => (Kind::Other, behind(text, 1, "]")),
            c if c.is_whitespace() => {
                let end = text.find(|c: char| !c.is_whitespace());
                (Kind::Blank, end.unwrap_or(text.len()))
            }
            c if is_word(c) => {
                let end = text.find(|c: char| !is_word(c));
                (Kind::Word, end.unwrap_or(text.len()))
            }
            other => (Kind::Other, other.len_utf8()),
        };
        Some(Self { kind, length })
    }
}

/// The end of what is closed by `close`, looked for after so many bytes. A doubled quote closes and opens again.
fn behind(text: &str, from: usize, close: &str) -> usize {
    let found = text[from..].find(close);
    found.map_or(text.len(), |at| from + at + close.len())
}

/// What was read of a statement, as far as it says where that ends.
#[derive(Default)]
struct Words {
    any: bool,
    /// The first words, while it may still be a trigger.
    opening: Vec<String>,
    is_trigger: bool,
    /// The last two of a trigger's body.
    before: String,
    last: String,
}

/// Words that may stand in front of `TRIGGER`.
const OPENING: [&str; 3] = ["CREATE", "TEMP", "TEMPORARY"];

impl Words {
    fn add(&mut self, word: &str) {
        let word = word.to_ascii_uppercase();
        let is_opening = self.opening.len() <= 2 && self.any != self.opening.is_empty();
        if is_opening && !self.is_trigger {
            self.is_trigger =
                word == "TRIGGER" && self.opening.first().is_some_and(|it| it == "CREATE");
            if OPENING.contains(&word.as_str()) {
                self.opening.push(word.clone());
            } else {
                self.opening.clear();
            }
        }
        self.any = true;
        self.before = std::mem::replace(&mut self.last, word);
    }

    /// A trigger ends with `; END`.
    fn may_end(&self) -> bool {
        !self.is_trigger || (self.before == ";" && self.last == "END")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_statement_is_none() {
        for text in ["", " ; ;\n", "-- only a comment;", "/* ; */ ;"] {
            assert_eq!(statements(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn semicolons_in_quotes_and_comments_end_nothing() {
        let text = "INSERT INTO a VALUES ('x;''y', \"b;\", `c;`, [d;]) -- e;\n /* f; */;\nSELECT 1";
        let expected = [
            "INSERT INTO a VALUES ('x;''y', \"b;\", `c;`, [d;]) -- e;\n /* f; */",
            "SELECT 1",
        ];
        assert_eq!(statements(text), expected);
    }

    #[test]
    fn a_trigger_is_one_statement() {
        let trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN\n UPDATE a SET b = 1;\n DELETE FROM c;\nEND";
        let text = format!("CREATE TABLE a (b);{trigger};\nSELECT 'end';");
        assert_eq!(
            statements(&text),
            ["CREATE TABLE a (b)", trigger, "SELECT 'end'"]
        );
        let ending = "create trigger t before delete on a begin select case when 1 then 2 end; end";
        assert_eq!(
            statements(&format!("{ending}; select 2")),
            [ending, "select 2"]
        );
    }

    #[test]
    fn a_table_that_is_called_trigger_is_no_trigger() {
        let text = "CREATE TABLE \"trigger\" (a); INSERT INTO trigger VALUES (1); SELECT 1";
        assert_eq!(statements(text).len(), 3);
    }

    #[test]
    fn what_is_not_closed_goes_to_the_end() {
        assert_eq!(statements("SELECT 'a; SELECT 2;"), ["SELECT 'a; SELECT 2;"]);
    }
}
