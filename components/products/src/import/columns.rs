//! The columns of a CSV import: which field of a row is which member of a product.

use serde_json::{Map, Value};

/// What the fields of every row are, in their order.
#[derive(Debug)]
pub(crate) struct Columns(Vec<Column>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Text(&'static str),
    Stock,
    PriceAmount,
    PriceCurrency,
    /// Separated by `;`.
    Tags,
}

const REQUIRED: [&str; 5] = ["sku", "name", "category", "price_amount", "price_currency"];

impl Columns {
    /// Reads the header row.
    pub(crate) fn of(names: Vec<String>) -> Result<Self, String> {
        let names: Vec<_> = names.iter().map(|name| name.trim()).collect();
        if let Some(missing) = REQUIRED.into_iter().find(|name| !names.contains(name)) {
            return Err(format!("header has no column {missing}"));
        }
        let mut columns = Vec::new();
        for name in names {
            let column =
                column(name).ok_or_else(|| format!("header has an unknown column {name}"))?;
            if columns.contains(&column) {
                return Err(format!("header has the column {name} twice"));
            }
            columns.push(column);
        }
        Ok(Self(columns))
    }

    /// The product that a row describes, in the form that clients send as JSON. An empty field is a missing member.
    pub(crate) fn document(&self, fields: Vec<String>) -> Result<Value, String> {
        if fields.len() != self.0.len() {
            return Err(format!(
                "row has {} fields, the header has {}",
                fields.len(),
                self.0.len()
            ));
        }
        let (mut product, mut price) = (Map::new(), Map::new());
        for (column, field) in self
            .0
            .iter()
            .zip(fields)
            .filter(|(_, field)| !field.is_empty())
        {
            let replaced = match column {
                Column::Text(name) => product.insert((*name).to_owned(), field.into()),
                Column::Stock => product.insert("stock".to_owned(), number(field)),
                Column::Tags => product.insert("tags".to_owned(), tags(&field)),
                Column::PriceAmount => price.insert("amount".to_owned(), number(field)),
                Column::PriceCurrency => price.insert("currency".to_owned(), field.into()),
            };
            debug_assert!(replaced.is_none(), "every column is there once");
        }
        product.insert("price".to_owned(), price.into());
        Ok(product.into())
    }
}

fn column(name: &str) -> Option<Column> {
    Some(match name {
        "sku" => Column::Text("sku"),
        "name" => Column::Text("name"),
        "description" => Column::Text("description"),
        "category" => Column::Text("category"),
        "brand" => Column::Text("brand"),
        "stock" => Column::Stock,
        "price_amount" => Column::PriceAmount,
        "price_currency" => Column::PriceCurrency,
        "tags" => Column::Tags,
        _ => return None,
    })
}

/// A text that is no integer stays a text, for the rules of the product to refuse.
fn number(field: String) -> Value {
    field
        .parse::<i64>()
        .map_or(Value::String(field), Value::from)
}

fn tags(field: &str) -> Value {
    field
        .split(';')
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn columns(header: &str) -> Result<Columns, String> {
        Columns::of(header.split(',').map(str::to_owned).collect())
    }

    fn document(header: &str, row: &str) -> Result<Value, String> {
        columns(header)
            .expect("valid")
            .document(row.split(',').map(str::to_owned).collect())
    }

    const HEADER: &str = "price_currency,price_amount,category,name,sku";

    #[test]
    fn columns_may_stand_in_any_order() {
        let expected = json!({
            "sku": "A-1", "name": "Cup", "category": "ceramics", "price": {"amount": 5, "currency": "EUR"},
        });
        assert_eq!(document(HEADER, "EUR,5,ceramics,Cup,A-1"), Ok(expected));
    }

    #[test]
    fn an_empty_field_is_a_missing_member() {
        let document = document(HEADER, "EUR,5,,Cup,A-1").expect("as many fields as columns");
        assert_eq!(document.get("category"), None);
    }

    #[test]
    fn tags_are_separated_by_semicolons() {
        assert_eq!(tags("cup; blue;"), json!(["cup", "blue"]));
    }

    #[test]
    fn what_is_no_integer_stays_a_text() {
        assert_eq!(number("12".to_owned()), json!(12));
        assert_eq!(number("12.5".to_owned()), json!("12.5"));
    }

    #[test]
    fn refused_when_a_row_has_another_number_of_fields() {
        assert!(document(HEADER, "EUR,5").is_err());
    }

    #[test]
    fn refused_when_the_header_lacks_repeats_or_invents_a_column() {
        assert!(columns("sku,name").is_err());
        assert!(columns(&format!("{HEADER},sku")).is_err());
        assert!(columns(&format!("{HEADER},colour")).is_err());
    }
}
