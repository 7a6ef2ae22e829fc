//! `stoa:sql`.

use crate::bindings::ours::stoa::sql::types::{
    Access, Database, Error, Executed, Row, Rows, Statement, Value,
};
use crate::bindings::ours::stoa::sql::{read, transactions, write};
use crate::{split, unknown};
use probe_kit_02::{Answer, Call};

pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.op()? {
        "label" => Ok(Answer::text(read::open(call.label()?)?.label())),
        "query" => {
            let database = read::open(call.label()?)?;
            Ok(text(rows(read::query(&database, &statement(call)?)?)))
        }
        "cursor" => cursor(&read::open(call.label()?)?, call),
        "execute" => {
            let database = write::open(call.label()?)?;
            let done = write::execute(&database, &statement(call)?)?;
            Ok(text(executed(done)))
        }
        "fill" => fill(&write::open(call.label()?)?, call),
        "batch" => batch(&write::open(call.label()?)?, call),
        "transaction" => transaction(&transactions::open(call.label()?)?, call),
        op => Err(Answer::bad(format!("no such op: {op}"))),
    }
}

fn cursor(database: &Database, call: &Call) -> Result<Answer, Answer> {
    let cursor = read::query_cursor(database, &statement(call)?)?;
    let columns = cursor.columns();
    let mut sizes = vec![columns.len().to_string()];
    loop {
        let part = cursor.next(call.number("max")?.unwrap_or(100) as u32)?;
        sizes.push(part.len().to_string());
        if part.is_empty() {
            return Ok(Answer::text(sizes.join(" ")));
        }
    }
}

fn fill(database: &Database, call: &Call) -> Result<Answer, Answer> {
    let bytes = call.number("bytes")?.unwrap_or(0) as usize;
    let statement = Statement {
        text: call.wanted("sql")?.to_owned(),
        parameters: vec![Value::Text("x".repeat(bytes))],
    };
    Ok(text(executed(write::execute(database, &statement)?)))
}

fn batch(database: &Database, call: &Call) -> Result<Answer, Answer> {
    let statements: Vec<_> = call.all("sql").into_iter().map(plain).collect();
    let done = write::execute_batch(database, &statements)?;
    Ok(text(done.into_iter().flat_map(executed)))
}

fn transaction(database: &Database, call: &Call) -> Result<Answer, Answer> {
    let access = match call.wanted("access")? {
        "read" => Access::Read,
        _ => Access::Write,
    };
    let transaction = transactions::begin(database, access)?;
    let mut lines = Vec::new();
    for step in call.all("step") {
        let (what, sql) = split(&step);
        let outcome = match what {
            "query" => transaction.query(&plain(sql.to_owned())).map(rows),
            "execute" => transaction.execute(&plain(sql.to_owned())).map(executed),
            "commit" => transaction.commit().map(|()| done()),
            "rollback" => transaction.rollback().map(|()| done()),
            _ => return Err(unknown(&step)),
        };
        let line = outcome.map(|lines| lines.join(", "));
        lines.push(line.unwrap_or_else(|error| variant(&error).to_owned()));
    }
    Ok(text(lines))
}

fn done() -> Vec<String> {
    vec!["done".to_owned()]
}

fn text(lines: impl IntoIterator<Item = String>) -> Answer {
    Answer::lines(lines.into_iter().map(String::into_bytes))
}

fn plain(text: String) -> Statement {
    Statement {
        text,
        parameters: Vec::new(),
    }
}

fn statement(call: &Call) -> Result<Statement, Answer> {
    let parameters = call.all("p");
    let parameters = parameters.iter().map(|written| value(written));
    Ok(Statement {
        text: call.wanted("sql")?.to_owned(),
        parameters: parameters.collect::<Result<_, _>>()?,
    })
}

fn value(written: &str) -> Result<Value, Answer> {
    let (kind, rest) = split(written);
    let text = rest.to_owned();
    Ok(match kind {
        "null" => Value::Null,
        "b" => Value::Boolean(rest == "true"),
        "i" => Value::Integer(rest.parse().map_err(|_| unknown(written))?),
        "r" => Value::Real(rest.parse().map_err(|_| unknown(written))?),
        "d" => Value::Decimal(text),
        "t" => Value::Text(text),
        "x" => Value::Blob(text.into_bytes()),
        "m" => Value::Timestamp(text),
        _ => return Err(unknown(written)),
    })
}

fn shown(value: Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(truth) => format!("b:{truth}"),
        Value::Integer(integer) => format!("i:{integer}"),
        Value::Real(real) => format!("r:{real}"),
        Value::Decimal(decimal) => format!("d:{decimal}"),
        Value::Text(text) => format!("t:{text}"),
        Value::Blob(bytes) => format!("x:{}", String::from_utf8_lossy(&bytes)),
        Value::Timestamp(moment) => format!("m:{moment}"),
    }
}

fn rows(result: Rows) -> Vec<String> {
    let column = |name: String, declared: Option<String>| match declared {
        Some(declared) => format!("{name} {declared}"),
        None => name,
    };
    let columns = result.columns.into_iter();
    let columns: Vec<_> = columns
        .map(|found| column(found.name, found.declared))
        .collect();
    let row = |row: Row| row.into_iter().map(shown).collect::<Vec<_>>().join("|");
    let head = std::iter::once(columns.join("|"));
    head.chain(result.rows.into_iter().map(row)).collect()
}

fn executed(done: Executed) -> Vec<String> {
    let id = done.last_insert_id.map(|id| id.to_string());
    let mut lines = vec![format!(
        "{} {}",
        done.rows_affected,
        id.as_deref().unwrap_or("-")
    )];
    if !done.returned.columns.is_empty() {
        lines.extend(rows(done.returned));
    }
    lines
}

fn variant(error: &Error) -> &'static str {
    match error {
        Error::NoSuchDatabase => "no-such-database",
        Error::Denied(_) => "denied",
        Error::Invalid(_) => "invalid",
        Error::Constraint(_) => "constraint",
        Error::Conflict => "conflict",
        Error::TooLarge(_) => "too-large",
        Error::Quota(_) => "quota",
        Error::TransactionOver => "transaction-over",
        Error::Deadline => "deadline",
        Error::Unavailable => "unavailable",
        Error::Other(_) => "other",
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        let variant = variant(&error);
        match error {
            Error::NoSuchDatabase => {
                Self::forbidden(variant, "no database of this label was granted")
            }
            Error::Denied(what) => Self::forbidden(variant, &what),
            Error::Invalid(what) | Error::Quota(what) => Self::failed(variant, &what),
            Error::Constraint(broken) => Self::failed(variant, &broken.name),
            Error::TooLarge(limit) => Self::failed(variant, &format!("at most {limit}")),
            Error::Other(failure) => {
                Self::failed(variant, &format!("{}: {}", failure.code, failure.message))
            }
            Error::Conflict | Error::TransactionOver | Error::Deadline | Error::Unavailable => {
                Self::failed(variant, "")
            }
        }
    }
}
