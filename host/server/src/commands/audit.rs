//! `stoa audit`: who changed what, or tried to, newest first.

use crate::admin::messages::{AuditEntry, AuditLog};
use crate::cli::remote::Audit;
use crate::client::{self, Client, Error, show};
use crate::output;

pub(crate) fn audit(arguments: &Audit) -> anyhow::Result<()> {
    let client = Client::find(&arguments.remote).map_err(Error::told)?;
    let text = client::wait(async {
        let answer = client.get("/v1/audit", &arguments.page.query()).await?;
        match arguments.json {
            true => Ok(answer.json()),
            false => Ok(told(&answer.read()?)),
        }
    })?;
    output::line(text);
    Ok(())
}

fn told(page: &AuditLog) -> String {
    let titles = ["entry", "when", "by", "from", "action", "outcome"].map(str::to_owned);
    let row = |it: &AuditEntry| {
        [
            it.number.to_string(),
            show::time(it.at_ms),
            show::plain(&it.by),
            show::plain(&it.from),
            show::plain(&it.action),
            show::plain(&it.outcome),
        ]
    };
    let rows: Vec<[String; 6]> = std::iter::once(titles)
        .chain(page.entries.iter().map(row))
        .collect();
    let mut text = show::columns(&rows);
    if let Some(next) = page.next {
        text.push_str(&format!("\nolder ones: `stoa audit --before {next}`"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_told_in_columns() {
        let page = AuditLog {
            entries: vec![AuditEntry {
                number: 3,
                at_ms: 1_764_079_387_000,
                by: "token".into(),
                from: "127.0.0.1:40000".into(),
                action: "rollback to release 5".into(),
                outcome: "refused: unknown-release\u{1b}".into(),
            }],
            next: None,
        };
        assert_eq!(
            told(&page),
            "entry  when                  by     from             action                 outcome\n\
             3      2025-11-25 14:03:07Z  token  127.0.0.1:40000  rollback to release 5  refused: \
             unknown-release\\u{1b}"
        );
    }
}
