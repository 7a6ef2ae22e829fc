//! The fields of one row of CSV (RFC 4180).

/// The fields of a row, or why it has none.
pub(crate) fn fields(row: &[u8]) -> Result<Vec<String>, String> {
    let mut rest = std::str::from_utf8(row).map_err(|_| "row is not UTF-8".to_owned())?;
    let mut fields = Vec::new();
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => within_quotes(quoted)?,
            None => bare(rest)?,
        };
        fields.push(field);
        if after.is_empty() {
            return Ok(fields);
        }
        rest = after
            .strip_prefix(',')
            .ok_or("text follows a closing quote")?;
    }
}

/// A field and what follows it. `text` starts after the opening quote.
fn within_quotes(text: &str) -> Result<(String, &str), String> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"').ok_or("a quote is not closed")?;
        field.push_str(before);
        match after.strip_prefix('"') {
            Some(doubled) => {
                field.push('"');
                rest = doubled;
            }
            None => return Ok((field, after)),
        }
    }
}

fn bare(text: &str) -> Result<(String, &str), String> {
    let (field, after) = text.split_at(text.find(',').unwrap_or(text.len()));
    if field.contains('"') {
        return Err("a quote within a field that is not quoted".to_owned());
    }
    Ok((field.to_owned(), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(row: &str) -> Result<Vec<String>, String> {
        fields(row.as_bytes())
    }

    fn read_well(row: &str) -> Vec<String> {
        read(row).expect("well formed")
    }

    #[test]
    fn fields_are_separated_by_commas_and_may_be_empty() {
        assert_eq!(read_well("a,,c"), ["a", "", "c"]);
        assert_eq!(read_well("a,"), ["a", ""]);
        assert_eq!(read_well("\"\",b"), ["", "b"]);
    }

    #[test]
    fn a_quoted_field_holds_commas_quotes_and_line_ends() {
        assert_eq!(
            read_well("\"a,b\",\"c\"\"d\",\"e\nf\""),
            ["a,b", "c\"d", "e\nf"]
        );
    }

    #[test]
    fn spaces_belong_to_their_field() {
        assert_eq!(read_well(" a , b "), [" a ", " b "]);
    }

    #[test]
    fn refused_when_quotes_are_out_of_place() {
        assert!(read("\"a").is_err());
        assert!(read("\"a\"b").is_err());
        assert!(read("5\" pipe").is_err());
    }

    #[test]
    fn refused_when_it_is_no_text() {
        assert!(fields(b"\xff").is_err());
    }
}
