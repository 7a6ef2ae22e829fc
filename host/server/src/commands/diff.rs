//! `stoa diff`: what a deploy would change, or what one release may do and another may not.

use super::Invalid;
use super::deploy::{Offer, checked, publish, request};
use crate::admin::messages::{Deployed, Difference};
use crate::cli::remote::Diff;
use crate::client::{self, Client, Error, show};
use crate::output;

pub(crate) fn diff(arguments: &Diff) -> anyhow::Result<()> {
    match (arguments.from, arguments.to) {
        (Some(from), Some(to)) => between(arguments, from, to),
        _ => to_what_serves(arguments),
    }
}

/// A deploy that publishes nothing: whatever would refuse it refuses this.
fn to_what_serves(arguments: &Diff) -> anyhow::Result<()> {
    let strategy = arguments.rollout.strategy().map_err(Invalid)?;
    let client = Client::find(&arguments.remote).map_err(Error::told)?;
    let offer = Offer::of_folder(&arguments.remote, &arguments.offered)?;
    let mut request = request(&offer, &arguments.offered, strategy);
    request.dry_run = true;
    let deployed = client::wait(publish(&client, &offer, &request))?;
    match arguments.json {
        true => output::line(serde_json::to_string(&deployed)?),
        false => output::line(told(&deployed)),
    }
    Ok(())
}

fn between(arguments: &Diff, from: u64, to: u64) -> anyhow::Result<()> {
    let client = Client::find(&arguments.remote).map_err(Error::told)?;
    let query = [("from", from.to_string()), ("to", to.to_string())];
    let text = client::wait(async {
        let answer = client.get("/v1/differences", &query).await?;
        match arguments.json {
            true => Ok(answer.json()),
            false => Ok(told_between(from, to, &answer.read::<Vec<Difference>>()?)),
        }
    })?;
    output::line(text);
    Ok(())
}

fn told(deployed: &Deployed) -> String {
    let mut lines = checked(deployed);
    lines.push(format!(
        "nothing was published: version {} stays in force",
        deployed.version
    ));
    lines.join("\n")
}

fn told_between(from: u64, to: u64, differences: &[Difference]) -> String {
    match differences.is_empty() {
        true => format!("no differences from release {from} to release {to}"),
        false => format!(
            "differences from release {from} to release {to}:\n{}",
            show::differences(differences)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::messages::{Direction, Timings};

    fn wider() -> Difference {
        Difference {
            direction: Direction::Wider,
            component: Some("a".into()),
            what: "may connect to `https://x`".into(),
        }
    }

    #[test]
    fn a_dry_run_says_that_nothing_was_published() {
        let deployed = Deployed {
            release: None,
            version: 4,
            differences: vec![wider()],
            checks: vec!["1 components link".into()],
            key: None,
            timings: Timings::default(),
        };
        assert_eq!(
            told(&deployed),
            "differences to what serves:\n\
             \u{20} + a may connect to `https://x`\n\
             checked:\n\
             \u{20} 1 components link\n\
             nothing was published: version 4 stays in force"
        );
    }

    #[test]
    fn releases_are_compared() {
        assert_eq!(
            told_between(5, 7, &[]),
            "no differences from release 5 to release 7"
        );
        assert_eq!(
            told_between(5, 7, &[wider()]),
            "differences from release 5 to release 7:\n  + a may connect to `https://x`"
        );
    }
}
