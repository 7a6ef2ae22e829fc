//! `stoa:sql`, through the SDK.

use crate::{split, unknown};
use probe_kit_03::{Call, Refusal, lines, text};
use stoa_sdk::http::Response;
use stoa_sdk::sql::{
    Access, Column, Database, Decimal, Error, Executed, Rows, Statement, Timestamp, Transaction,
    Value, sql,
};

pub(crate) async fn answer(call: &Call) -> Result<Response, Refusal> {
    let database = Database::open(call.label()?).map_err(refusal)?;
    match call.op()? {
        "label" => Ok(text(database.label())),
        "query" => {
            let found = database.query(statement(call)?).await;
            Ok(answered(rows(&found.map_err(refusal)?)))
        }
        "cursor" => cursor(&database, call).await,
        "execute" => {
            let done = database.execute(statement(call)?).await;
            Ok(answered(executed(&done.map_err(refusal)?)))
        }
        "fill" => fill(&database, call).await,
        "batch" => batch(&database, call).await,
        "transaction" => transaction(&database, call).await,
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    }
}

async fn cursor(database: &Database, call: &Call) -> Result<Response, Refusal> {
    let max = call.number("max")?.unwrap_or(100) as u32;
    let cursor = database.cursor(statement(call)?).await;
    let mut cursor = cursor.map_err(refusal)?;
    let mut sizes = vec![cursor.columns().len().to_string()];
    loop {
        let part = cursor.next(max).await.map_err(refusal)?;
        sizes.push(part.len().to_string());
        if part.is_empty() {
            return Ok(text(sizes.join(" ")));
        }
    }
}

async fn fill(database: &Database, call: &Call) -> Result<Response, Refusal> {
    let bytes = call.number("bytes")?.unwrap_or(0) as usize;
    let insert = sql(call.wanted("sql")?).bind("x".repeat(bytes));
    let done = database.execute(insert).await.map_err(refusal)?;
    Ok(answered(executed(&done)))
}

async fn batch(database: &Database, call: &Call) -> Result<Response, Refusal> {
    let statements = call.all("sql").into_iter().map(sql).collect();
    let done = database.batch(statements).await.map_err(refusal)?;
    Ok(answered(done.iter().flat_map(executed)))
}

async fn transaction(database: &Database, call: &Call) -> Result<Response, Refusal> {
    let access = match call.wanted("access")? {
        "read" => Access::Read,
        _ => Access::Write,
    };
    let mut open = Some(database.begin(access).await.map_err(refusal)?);
    let mut told = Vec::new();
    for written in call.all("step") {
        let line = step(&mut open, &written)
            .await?
            .map(|lines| lines.join(", "));
        told.push(line.unwrap_or_else(|error| variant(&error).to_owned()));
    }
    Ok(answered(told))
}

/// What a step answered. The SDK has no steps after the last one, so asking for one is a mistake.
async fn step(
    open: &mut Option<Transaction>,
    written: &str,
) -> Result<Result<Vec<String>, Error>, Refusal> {
    let (what, statement) = split(written);
    let done = |()| vec!["done".to_owned()];
    let transaction = open.take().ok_or_else(|| unknown(written))?;
    let outcome = match what {
        "commit" => return Ok(transaction.commit().await.map(done)),
        "rollback" => return Ok(transaction.rollback().await.map(done)),
        "query" => transaction.query(statement).await.map(|found| rows(&found)),
        "execute" => {
            let done = transaction.execute(statement).await;
            done.map(|done| executed(&done))
        }
        _ => return Err(unknown(written)),
    };
    *open = Some(transaction);
    Ok(outcome)
}

fn answered(told: impl IntoIterator<Item = String>) -> Response {
    lines(told.into_iter().map(String::into_bytes))
}

fn statement(call: &Call) -> Result<Statement, Refusal> {
    let mut statement = sql(call.wanted("sql")?);
    for written in call.all("p") {
        statement = statement.bind(value(&written)?);
    }
    Ok(statement)
}

fn value(written: &str) -> Result<Value, Refusal> {
    let (kind, rest) = split(written);
    let text = rest.to_owned();
    Ok(match kind {
        "null" => Value::Null,
        "b" => Value::Boolean(rest == "true"),
        "i" => Value::Integer(rest.parse().map_err(|_| unknown(written))?),
        "r" => Value::Real(rest.parse().map_err(|_| unknown(written))?),
        "d" => Decimal(text).into(),
        "t" => Value::Text(text),
        "x" => Value::Blob(text.into_bytes()),
        "m" => Timestamp(text).into(),
        _ => return Err(unknown(written)),
    })
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(truth) => format!("b:{truth}"),
        Value::Integer(integer) => format!("i:{integer}"),
        Value::Real(real) => format!("r:{real}"),
        Value::Decimal(decimal) => format!("d:{decimal}"),
        Value::Text(text) => format!("t:{text}"),
        Value::Blob(bytes) => format!("x:{}", String::from_utf8_lossy(bytes)),
        Value::Timestamp(moment) => format!("m:{moment}"),
    }
}

fn rows(result: &Rows) -> Vec<String> {
    let column = |column: &Column| match &column.declared {
        Some(declared) => format!("{} {declared}", column.name),
        None => column.name.clone(),
    };
    let columns: Vec<_> = result.columns().iter().map(column).collect();
    let mut told = vec![columns.join("|")];
    for row in result {
        let values: Vec<_> = row.values().iter().map(shown).collect();
        told.push(values.join("|"));
    }
    told
}

fn executed(done: &Executed) -> Vec<String> {
    let id = done.last_insert_id.map(|id| id.to_string());
    let id = id.as_deref().unwrap_or("-");
    let mut told = vec![format!("{} {id}", done.rows_affected)];
    if !done.returned.columns().is_empty() {
        told.extend(rows(&done.returned));
    }
    told
}

fn variant(error: &Error) -> &'static str {
    match error {
        Error::NoSuchDatabase => "no-such-database",
        Error::Denied(_) => "denied",
        Error::Invalid(_) => "invalid",
        Error::Constraint { .. } => "constraint",
        Error::Conflict => "conflict",
        Error::TooLarge { .. } => "too-large",
        Error::Quota(_) => "quota",
        Error::TransactionOver => "transaction-over",
        Error::Deadline => "deadline",
        Error::Unavailable => "unavailable",
        Error::Other { .. } => "other",
        Error::Malformed { .. } => "malformed",
    }
}

fn refusal(error: Error) -> Refusal {
    let variant = variant(&error);
    match error {
        Error::NoSuchDatabase => {
            Refusal::forbidden(variant, "no database of this label was granted")
        }
        Error::Denied(what) => Refusal::forbidden(variant, &what),
        Error::Invalid(what) | Error::Quota(what) => Refusal::failed(variant, &what),
        Error::Constraint { name, .. } => Refusal::failed(variant, &name),
        Error::TooLarge { limit } => Refusal::failed(variant, &format!("at most {limit}")),
        other => Refusal::failed(variant, &other.to_string()),
    }
}
