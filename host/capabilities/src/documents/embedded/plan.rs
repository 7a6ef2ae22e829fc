//! Filters and sorts as SQL. Values are parameters, always; what is spliced are names of columns and tables, which are
//! made of a number or of a name that was found to be one.

use rusqlite::types::Value;

use super::schema::Collection;
use crate::documents::cursor::Cursor;
use crate::documents::key::{self, Key};
use crate::documents::{Comparison, Direction, Filter, ID_PATH, Order, Scalar};

/// Groups inside groups that are translated; SQLite bounds the depth of an expression.
const LEVELS_MAX: usize = 4;
/// Members of a group that are translated, for the same reason.
const MEMBERS_MAX: usize = 64;

/// A piece of SQL with the values of its parameters, in their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

impl Sql {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            values: Vec::new(),
        }
    }

    pub(super) fn with(text: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Self {
        Self {
            text: text.into(),
            values: values.into_iter().collect(),
        }
    }

    pub(super) fn add(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    pub(super) fn append(mut self, other: Self) -> Self {
        self.text.push_str(&other.text);
        self.values.extend(other.values);
        self
    }

    fn joined(parts: Vec<Self>, between: &str, none: &str) -> Self {
        let mut parts = parts.into_iter();
        let Some(first) = parts.next() else {
            return Self::new(none);
        };
        let joined = parts.fold(Self::new("(").append(first), |joined, part| {
            joined.add(between).append(part)
        });
        joined.add(")")
    }
}

/// What SQL can say of a filter.
#[derive(Debug, Clone, PartialEq)]
struct Part {
    sql: Sql,
    /// Whether it holds exactly where the filter does; otherwise it holds where the filter does, and elsewhere too.
    is_exact: bool,
}

impl Part {
    fn exact(sql: Sql) -> Self {
        let is_exact = true;
        Self { sql, is_exact }
    }

    fn wider(sql: Sql) -> Self {
        let is_exact = false;
        Self { sql, is_exact }
    }
}

/// The condition that leaves the documents `d` which fulfil a filter, and are among `found` where there was a search.
/// Where columns cannot decide, `stoa_holds` does, by the current filter.
pub(super) fn condition(collection: &Collection, filter: &Filter, found: Option<&[i64]>) -> Sql {
    let mut terms = Vec::new();
    if let Some(found) = found {
        terms.push(members(found));
    }
    let part = translate(collection, filter, 0);
    let is_exact = part.as_ref().is_some_and(|part| part.is_exact);
    terms.extend(part.map(|part| part.sql));
    if !is_exact {
        terms.push(Sql::new(format!(
            "stoa_holds({}, d.id)",
            body_of(collection)
        )));
    }
    Sql::joined(terms, " AND ", "1")
}

/// The documents that a search found: their numbers as one text.
fn members(found: &[i64]) -> Sql {
    let numbers: Vec<_> = found.iter().map(i64::to_string).collect();
    Sql::with(
        "d.number IN (SELECT value FROM json_each(?))",
        [Value::Text(format!("[{}]", numbers.join(",")))],
    )
}

fn body_of(collection: &Collection) -> String {
    let bodies = collection.table("bodies");
    format!("(SELECT b.body FROM {bodies} AS b WHERE b.number = d.number)")
}

fn translate(collection: &Collection, filter: &Filter, level: usize) -> Option<Part> {
    match filter {
        Filter::All(filters) => all(collection, filters, level),
        Filter::Any(filters) => any(collection, filters, level),
        Filter::None(filters) => none(collection, filters, level),
        Filter::Compare {
            path,
            comparison,
            value,
        } => Place::of(collection, path)?.compare(*comparison, value),
        Filter::OneOf { path, values } => Place::of(collection, path)?.one_of(values),
        Filter::StartsWith { path, start } => Place::of(collection, path)?.starts_with(start),
        // What is missing has no key, like null.
        Filter::Exists {
            path,
            exists: false,
        } => match Place::of(collection, path)? {
            Place::Column { column, .. } => {
                Some(Part::wider(Sql::new(format!("{column} IS NULL"))))
            }
            Place::Id | Place::Elements { .. } => None,
        },
        Filter::Exists { .. } | Filter::Element { .. } => None,
    }
}

fn all(collection: &Collection, filters: &[Filter], level: usize) -> Option<Part> {
    if level > LEVELS_MAX {
        return None;
    }
    let translated = filters.iter().take(MEMBERS_MAX);
    let parts: Vec<_> = translated
        .map(|filter| translate(collection, filter, level + 1))
        .collect();
    let is_exact = filters.len() <= MEMBERS_MAX
        && parts
            .iter()
            .all(|part| part.as_ref().is_some_and(|part| part.is_exact));
    let parts = parts.into_iter().flatten().map(|part| part.sql).collect();
    let sql = Sql::joined(parts, " AND ", "1");
    Some(Part { sql, is_exact })
}

fn any(collection: &Collection, filters: &[Filter], level: usize) -> Option<Part> {
    if level > LEVELS_MAX || filters.len() > MEMBERS_MAX {
        return None;
    }
    let parts = filters
        .iter()
        .map(|filter| translate(collection, filter, level + 1))
        .collect::<Option<Vec<_>>>()?;
    let is_exact = parts.iter().all(|part| part.is_exact);
    let parts = parts.into_iter().map(|part| part.sql).collect();
    let sql = Sql::joined(parts, " OR ", "0");
    Some(Part { sql, is_exact })
}

/// The opposite can be said only of what is exact. A comparison with nothing is neither true nor false in SQL.
fn none(collection: &Collection, filters: &[Filter], level: usize) -> Option<Part> {
    if level > LEVELS_MAX {
        return None;
    }
    let translated = filters.iter().take(MEMBERS_MAX);
    let parts: Vec<_> = translated
        .filter_map(|filter| translate(collection, filter, level + 1))
        .filter(|part| part.is_exact)
        .map(|part| Sql::new("NOT ifnull(").append(part.sql).add(", 0)"))
        .collect();
    let is_exact = parts.len() == filters.len();
    let sql = Sql::joined(parts, " AND ", "1");
    Some(Part { sql, is_exact })
}

/// Where the keys of a path are.
enum Place {
    /// In the id itself.
    Id,
    /// In a column. `arrays`: whether it may be an array's, of which the elements count.
    Column { column: String, arrays: bool },
    /// In a table of elements, whose name it is.
    Elements { table: String },
}

impl Place {
    /// The table of elements comes first: it decides about arrays, too.
    fn of(collection: &Collection, path: &str) -> Option<Self> {
        if path == ID_PATH {
            return Some(Self::Id);
        }
        if let Some(derived) = collection.elements_of(path) {
            let table = collection.elements_table(derived);
            return Some(Self::Elements { table });
        }
        let derived = collection.column_of(path)?;
        Some(Self::Column {
            column: format!("d.k{}", derived.number),
            arrays: derived.has_arrays(),
        })
    }

    fn compare(&self, comparison: Comparison, value: &Scalar) -> Option<Part> {
        match comparison {
            Comparison::Equal => self.one_of(std::slice::from_ref(value)),
            Comparison::NotEqual => {
                let part = self.one_of(std::slice::from_ref(value))?;
                let opposite = Sql::new("NOT ifnull(").append(part.sql).add(", 0)");
                part.is_exact.then(|| Part::exact(opposite))
            }
            Comparison::Less => self.range(value, "<"),
            Comparison::LessOrEqual => self.range(value, "<="),
            Comparison::Greater => self.range(value, ">"),
            Comparison::GreaterOrEqual => self.range(value, ">="),
        }
    }

    fn one_of(&self, values: &[Scalar]) -> Option<Part> {
        let mut keys = Vec::with_capacity(values.len());
        let (mut has_null, mut has_cut) = (false, false);
        for value in values {
            match self.key(value) {
                Some(None) => has_null = true,
                Some(Some(key)) => {
                    has_cut |= !matches!(self, Self::Id) && key::is_cut(&key);
                    keys.push(Value::Blob(key));
                }
                // An id is a text: nothing else is equal to it.
                None => {}
            }
        }
        Some(self.hold(has_cut, |column| equal(column, keys, has_null)))
    }

    /// Null equals null alone: it is neither less nor greater. What is missing has no order, and no other key than null.
    fn range(&self, value: &Scalar, compare: &str) -> Option<Part> {
        let or_equal = compare.ends_with('=');
        let Some(Some(key)) = self.key(value) else {
            let holds = or_equal && !matches!(self, Self::Id) && *value == Scalar::Null;
            return match holds {
                true => Some(Part::wider(self.one_of(&[Scalar::Null])?.sql)),
                false => Some(Part::exact(Sql::new("0"))),
            };
        };
        let is_cut = !matches!(self, Self::Id) && key::is_cut(&key);
        // Texts that are cut at the same place have one key, and any order among themselves.
        let compare = match (is_cut, &compare[..1]) {
            (true, "<") => "<=",
            (true, _) => ">=",
            (false, _) => compare,
        };
        let (first, end) = key::kind(&key);
        let is_less = compare.starts_with('<');
        Some(self.hold(is_cut, |column| match (self, is_less) {
            (Self::Id, _) => Sql::with(format!("{column} {compare} ?"), [Value::Blob(key)]),
            (_, true) => Sql::with(
                format!("({column} >= ? AND {column} {compare} ?)"),
                [Value::Blob(first), Value::Blob(key)],
            ),
            (_, false) => Sql::with(
                format!("({column} {compare} ? AND {column} < ?)"),
                [Value::Blob(key), Value::Blob(end)],
            ),
        }))
    }

    fn starts_with(&self, start: &str) -> Option<Part> {
        let (mut from, mut end) = key::starting(start);
        let is_cut = start.len() > key::TEXT_BYTES_MAX;
        if matches!(self, Self::Id) {
            if start.is_empty() || is_cut {
                return Some(Part::exact(Sql::new(match is_cut {
                    true => "0",
                    false => "1",
                })));
            }
            // An id is its own key, without the kind.
            from.remove(0);
            end.remove(0);
        }
        Some(self.hold(is_cut, |column| {
            Sql::with(
                format!("({column} >= ? AND {column} < ?)"),
                [Value::Blob(from), Value::Blob(end)],
            )
        }))
    }

    /// What to look for; `None` where there is no such key.
    fn key(&self, value: &Scalar) -> Option<Key> {
        match (self, value) {
            (Self::Id, Scalar::Text(id)) => Some(Some(id.clone().into_bytes())),
            (Self::Id, _) => None,
            _ => Some(key::of_scalar(value)),
        }
    }

    /// A condition on a column of keys, put where the keys are. `is_cut`: it speaks of a key that is not its whole value.
    fn hold(&self, is_cut: bool, condition: impl FnOnce(&str) -> Sql) -> Part {
        let (sql, arrays) = match self {
            Self::Id => (condition("d.id"), false),
            Self::Column { column, arrays } => (condition(column.as_str()), *arrays),
            Self::Elements { table } => {
                let sql = Sql::new(format!(
                    "d.number IN (SELECT e.number FROM {table} AS e WHERE "
                ));
                (sql.append(condition("e.value")).add(")"), false)
            }
        };
        match (self, arrays) {
            // Of an array, the elements decide.
            (Self::Column { column, .. }, true) => Part::wider(
                Sql::new("(")
                    .append(sql)
                    .add(&format!(" OR {column} = x'60')")),
            ),
            _ if is_cut => Part::wider(sql),
            _ => Part::exact(sql),
        }
    }
}

fn equal(column: &str, keys: Vec<Value>, has_null: bool) -> Sql {
    let equal = match keys.len() {
        0 => None,
        1 => Some(Sql::with(format!("{column} = ?"), keys)),
        count => {
            let places = vec!["?"; count].join(", ");
            Some(Sql::with(format!("{column} IN ({places})"), keys))
        }
    };
    let null = has_null.then(|| Sql::new(format!("{column} IS NULL")));
    Sql::joined(equal.into_iter().chain(null).collect(), " OR ", "0")
}

/// A part of a sorted listing, to be read as a whole before the next: where a listing goes on after a document, each part
/// is one stretch of an index.
#[derive(Debug, PartialEq)]
pub(super) struct Stretch {
    /// Which documents `d` it has.
    pub(super) condition: Sql,
    /// Their order.
    pub(super) order: Sql,
}

/// The stretches of a listing, in their order.
pub(super) fn stretches(
    collection: &Collection,
    sort: &[Order],
    after: Option<&Cursor>,
) -> Vec<Stretch> {
    let Some(cursor) = after else {
        return vec![Stretch {
            condition: Sql::new("1"),
            order: order(collection, sort),
        }];
    };
    let id = Value::Blob(cursor.id.clone().into_bytes());
    // First the ties of the last document, then what differs in the last path, and so on.
    let ties = fixed(
        collection,
        sort,
        &cursor.keys,
        vec![Sql::with("d.id > ?", [id])],
    );
    let mut stretches = vec![Stretch {
        condition: ties,
        order: order(collection, &[]),
    }];
    for at in (0..sort.len()).rev() {
        let expression = expression(collection, &sort[at].path);
        for (past, is_fixed) in past(expression, sort[at].direction, &cursor.keys[at]) {
            let (sort_before, keys) = (&sort[..at], &cursor.keys[..at]);
            stretches.push(Stretch {
                condition: fixed(collection, sort_before, keys, vec![past]),
                order: order(collection, &sort[at + usize::from(is_fixed)..]),
            });
        }
    }
    stretches
}

/// What comes past a key, and whether that is one key alone. Nothing and null come first in ascending order.
fn past(expression: Sql, direction: Direction, key: &Key) -> Vec<(Sql, bool)> {
    let blob = |key: &Vec<u8>| Sql::with("?", [Value::Blob(key.clone())]);
    match (direction, key) {
        (Direction::Ascending, None) => vec![(expression.add(" IS NOT NULL"), false)],
        (Direction::Ascending, Some(key)) => {
            vec![(expression.add(" > ").append(blob(key)), false)]
        }
        (Direction::Descending, None) => Vec::new(),
        (Direction::Descending, Some(key)) => vec![
            (expression.clone().add(" < ").append(blob(key)), false),
            (expression.add(" IS NULL"), true),
        ],
    }
}

/// The first paths have these keys, and more holds.
fn fixed(collection: &Collection, sort: &[Order], keys: &[Key], more: Vec<Sql>) -> Sql {
    let mut terms = more;
    for (order, key) in sort.iter().zip(keys) {
        let expression = expression(collection, &order.path);
        terms.push(match key {
            None => expression.add(" IS NULL"),
            Some(key) => expression
                .add(" = ")
                .append(Sql::with("?", [Value::Blob(key.clone())])),
        });
    }
    Sql::joined(terms, " AND ", "1")
}

fn order(collection: &Collection, sort: &[Order]) -> Sql {
    let mut order = Sql::default();
    for Order { path, direction } in sort {
        let direction = match direction {
            Direction::Ascending => ", ",
            Direction::Descending => " DESC, ",
        };
        order = order.append(expression(collection, path)).add(direction);
    }
    order.add("d.id")
}

/// The key of a path as an expression: a column where there is one.
pub(super) fn expression(collection: &Collection, path: &str) -> Sql {
    match collection.column(path) {
        Some(column) => Sql::new(column),
        None => Sql::with(
            format!("stoa_key({}, ?)", body_of(collection)),
            [Value::Text(path.to_owned())],
        ),
    }
}
