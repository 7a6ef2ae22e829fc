//! `stoa releases`: what was deployed, newest first.

use crate::admin::messages;
use crate::cli::remote::Releases;
use crate::client::{self, Client, Error, show};
use crate::output;

pub(crate) fn releases(arguments: &Releases) -> anyhow::Result<()> {
    let client = Client::find(&arguments.remote).map_err(Error::told)?;
    let text = client::wait(async {
        let query = arguments.page.query();
        let answer = client.get("/v1/releases", &query).await?;
        match arguments.json {
            true => Ok(answer.json()),
            false => Ok(told(&answer.read()?)),
        }
    })?;
    output::line(text);
    Ok(())
}

fn told(page: &messages::Releases) -> String {
    let titles = ["release", "when", "by", "role", "note"].map(str::to_owned);
    let row = |it: &messages::Release| {
        [
            it.number.to_string(),
            show::time(it.at_ms),
            show::plain(&it.by),
            show::plain(it.role.as_deref().unwrap_or_default()),
            show::plain(&it.note),
        ]
    };
    let rows: Vec<[String; 5]> = std::iter::once(titles)
        .chain(page.releases.iter().map(row))
        .collect();
    let mut text = show::columns(&rows);
    if let Some(next) = page.next {
        text.push_str(&format!("\nolder ones: `stoa releases --before {next}`"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_told_in_columns() {
        let release = |number, role: Option<&str>, note: &str| messages::Release {
            number,
            at_ms: 1_764_079_387_000,
            by: "token".into(),
            note: note.into(),
            role: role.map(Into::into),
            bundle: None,
        };
        let page = messages::Releases {
            releases: vec![
                release(10, Some("candidate"), "faster\nsearch"),
                release(9, Some("stable"), ""),
            ],
            next: Some(9),
        };
        assert_eq!(
            told(&page),
            "release  when                  by     role       note\n\
             10       2025-11-25 14:03:07Z  token  candidate  faster\\nsearch\n\
             9        2025-11-25 14:03:07Z  token  stable\n\
             older ones: `stoa releases --before 9`"
        );
    }
}
