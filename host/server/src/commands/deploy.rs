//! `stoa deploy`: a bundle goes to a running host, which publishes it or says why not.

mod offer;

use std::collections::BTreeMap;

use bytes::Bytes;
use stoa_capabilities::releases::Digest;
use tokio::task::JoinSet;

use super::{Invalid, registry};
use crate::admin::messages::{self, Deployed, Strategy};
use crate::cli::remote::{Deploy, Offered};
use crate::client::{self, Client, Error, show};
use crate::output;
use crate::progress::Step;
use crate::registry::Reference;

pub(super) use offer::{Offer, chosen, sign};

/// Files on their way at once: a second one fills the pauses of the first.
const UPLOADS_MAX: usize = 2;
/// A host may give up files between the question what is missing and the deploy; then they are sent once more.
const ATTEMPTS_MAX: u32 = 2;

pub(crate) fn deploy(arguments: &Deploy) -> anyhow::Result<()> {
    // Before the build: what cannot be is told at once.
    let strategy = arguments.rollout.strategy().map_err(Invalid)?;
    let client = Client::find(&arguments.remote).map_err(Error::told)?;
    let (offer, note) = offered(arguments)?;
    let mut request = request(&offer, &arguments.offered, strategy);
    request.note = note;
    let deployed = client::wait(publish(&client, &offer, &request))?;
    output::line(told(&deployed, &request.strategy));
    Ok(())
}

/// What is deployed, and why: an image is named by what its tag stood for.
fn offered(arguments: &Deploy) -> anyhow::Result<(Offer, String)> {
    let note = arguments.note.as_str();
    let Some(reference) = &arguments.from else {
        let offer = Offer::of_folder(&arguments.remote, &arguments.offered)?;
        return Ok((offer, note.to_owned()));
    };
    let image = registry::fetch(reference, arguments.insecure, &arguments.places)?;
    let pinned = reference.pinned(image.digest);
    let offer = Offer::of_image(image, &arguments.offered)?;
    Ok((offer, noted(note, &pinned)))
}

fn noted(note: &str, image: &Reference) -> String {
    match note {
        "" => format!("from {image}"),
        note => format!("{note} (from {image})"),
    }
}

pub(super) fn request(offer: &Offer, offered: &Offered, strategy: Strategy) -> messages::Deploy {
    messages::Deploy {
        bundle: offer.bundle.clone(),
        components: offer.components.clone(),
        strategy,
        note: String::new(),
        expected: offered.expected,
        allow_new_grants: offered.allow_new_grants,
        allow_contracting: offered.allow_contracting,
        dry_run: false,
    }
}

/// Sends what the host lacks, then the order.
pub(super) async fn publish(
    client: &Client,
    offer: &Offer,
    request: &messages::Deploy,
) -> Result<Deployed, Error> {
    let files = offer.by_digest();
    let missing = client.missing(files.keys().copied().collect()).await?;
    upload(client, &files, missing).await?;
    for _ in 1..ATTEMPTS_MAX {
        match client.deploy(request).await {
            Err(Error::Refused(problem)) if !problem.missing.is_empty() => {
                upload(client, &files, problem.missing).await?;
            }
            outcome => return outcome,
        }
    }
    client.deploy(request).await
}

async fn upload(
    client: &Client,
    files: &BTreeMap<Digest, Bytes>,
    missing: Vec<Digest>,
) -> Result<(), Error> {
    let missing: BTreeMap<Digest, Bytes> = missing
        .into_iter()
        .filter_map(|digest| Some((digest, files.get(&digest)?.clone())))
        .collect();
    if missing.is_empty() {
        output::note(format_args!(
            "Uploading nothing: all {} files are there",
            files.len()
        ));
        return Ok(());
    }
    let size: usize = missing.values().map(Bytes::len).sum();
    let (count, all, size) = (missing.len(), files.len(), show::bytes(size as u64));
    let step = Step::announce(format!("Uploading {count} of {all} files, {size}"));
    let mut waiting = missing.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < UPLOADS_MAX {
            let Some((digest, bytes)) = waiting.next() else {
                break;
            };
            running.spawn(client.clone().upload(digest, bytes));
        }
        match running.join_next().await {
            Some(uploaded) => uploaded.expect("an upload does not panic")?,
            None => break,
        }
    }
    step.done("uploaded");
    Ok(())
}

/// What came of a deploy.
fn told(deployed: &Deployed, strategy: &Strategy) -> String {
    let mut lines = checked(deployed);
    let (release, version) = (deployed.release.unwrap_or_default(), deployed.version);
    match &deployed.key {
        Some(key) => {
            lines.push(format!(
                "release {release} is a candidate, version {version}"
            ));
            lines.push(show::reach(key));
            lines.push(next(strategy));
        }
        None => lines.push(format!("release {release} serves, version {version}")),
    }
    lines.push(show::timings(&deployed.timings));
    lines.join("\n")
}

/// What is different and what was checked, a line each.
pub(super) fn checked(deployed: &Deployed) -> Vec<String> {
    let mut lines = Vec::new();
    if deployed.differences.is_empty() {
        lines.push("no differences to what serves".to_owned());
    } else {
        lines.push("differences to what serves:".to_owned());
        lines.push(show::differences(&deployed.differences));
    }
    if !deployed.checks.is_empty() {
        lines.push("checked:".to_owned());
        let checks = deployed.checks.iter();
        lines.extend(checks.map(|check| format!("  {}", show::plain(check))));
    }
    lines
}

/// What becomes of a candidate.
fn next(strategy: &Strategy) -> String {
    match strategy {
        Strategy::AllAtOnce | Strategy::BlueGreen => {
            "next: `stoa promote` makes it serve everybody, `stoa rollback` ends it".to_owned()
        }
        Strategy::Canary(canary) => {
            let end = match canary.promote {
                true => "everybody",
                false => "it waits for `stoa promote`",
            };
            format!(
                "next: {} of the clients, each share for {} s at least, then {end}; it is rolled back by itself if \
                 it does worse, and by `stoa rollback`",
                shares(&canary.steps),
                canary.step_seconds
            )
        }
        Strategy::Ab(ab) => format!(
            "next: it serves requests with {}, until `stoa promote` or `stoa rollback`",
            chosen_by(ab)
        ),
        Strategy::Mirror(mirror) => format!(
            "next: it gets copies of {} % of the requests; `stoa status` tells what differs, `stoa promote` and `stoa \
             rollback` end it",
            mirror.percent
        ),
    }
}

/// `5 %, 25 %, 50 %`.
pub(super) fn shares(steps: &[u8]) -> String {
    let steps: Vec<String> = steps.iter().map(|step| format!("{step} %")).collect();
    steps.join(", ")
}

/// What brings a request to the candidate of an A/B test.
pub(super) fn chosen_by(ab: &messages::Ab) -> String {
    let value = show::plain(&ab.value);
    match (&ab.header, &ab.cookie) {
        (Some(header), _) => format!("the header `{}: {value}`", show::plain(header)),
        (None, Some(cookie)) => format!("the cookie `{}={value}`", show::plain(cookie)),
        (None, None) => format!("`{value}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::messages::{Ab, Canary, Difference, Direction, Mirror, Timings};

    fn deployed() -> Deployed {
        Deployed {
            release: Some(7),
            version: 12,
            differences: vec![
                Difference {
                    direction: Direction::Wider,
                    component: Some("products".into()),
                    what: "may write to key-value store `default`".into(),
                },
                Difference {
                    direction: Direction::Narrower,
                    component: None,
                    what: "has no route `/old`".into(),
                },
                Difference {
                    direction: Direction::Other,
                    component: Some("orders".into()),
                    what: "has new code".into(),
                },
            ],
            checks: vec!["2 components link".into(), "orders: healthy".into()],
            key: None,
            timings: Timings {
                prepare_ms: 812.3,
                record_ms: 3.12,
                swap_ms: 0.2,
            },
        }
    }

    #[test]
    fn a_deploy_tells_what_is_different_what_was_checked_and_what_serves() {
        assert_eq!(
            told(&deployed(), &Strategy::AllAtOnce),
            "differences to what serves:\n\
             \u{20} + products may write to key-value store `default`\n\
             \u{20} - the application has no route `/old`\n\
             \u{20} ~ orders has new code\n\
             checked:\n\
             \u{20} 2 components link\n\
             \u{20} orders: healthy\n\
             release 7 serves, version 12\n\
             prepared in 812 ms, recorded in 3.1 ms, swapped in 0.2 ms"
        );
    }

    #[test]
    fn a_candidate_tells_how_it_is_reached_and_what_comes_next() {
        let candidate = Deployed {
            differences: Vec::new(),
            checks: Vec::new(),
            key: Some("0123456789abcdef".into()),
            ..deployed()
        };
        assert_eq!(
            told(&candidate, &Strategy::Canary(Canary::default())),
            "no differences to what serves\n\
             release 7 is a candidate, version 12\n\
             reach it with `curl -H 'stoa-release: 0123456789abcdef' …`\n\
             next: 5 %, 25 %, 50 % of the clients, each share for 60 s at least, then everybody; it is rolled back by \
             itself if it does worse, and by `stoa rollback`\n\
             prepared in 812 ms, recorded in 3.1 ms, swapped in 0.2 ms"
        );
    }

    #[test]
    fn the_note_says_which_image_it_was() {
        let image = Reference::parse("ghcr.io/me/shop:1.0").expect("it is one");
        let image = image.pinned(Digest::of(b""));
        let digest = Digest::of(b"");
        assert_eq!(
            noted("", &image),
            format!("from ghcr.io/me/shop:1.0@{digest}")
        );
        let why = format!("why (from ghcr.io/me/shop:1.0@{digest})");
        assert_eq!(noted("why", &image), why);
    }

    #[test]
    fn every_strategy_says_what_ends_it() {
        let waiting = Canary {
            promote: false,
            ..Canary::default()
        };
        let header = Ab {
            header: Some("x-side".into()),
            cookie: None,
            value: "b".into(),
        };
        let cookie = Ab {
            header: None,
            cookie: Some("side".into()),
            value: "b".into(),
        };
        for (strategy, part) in [
            (
                Strategy::BlueGreen,
                "`stoa promote` makes it serve everybody",
            ),
            (
                Strategy::Canary(waiting),
                "then it waits for `stoa promote`;",
            ),
            (Strategy::Ab(header), "with the header `x-side: b`, until"),
            (Strategy::Ab(cookie), "with the cookie `side=b`, until"),
            (
                Strategy::Mirror(Mirror { percent: 10 }),
                "copies of 10 % of the requests",
            ),
        ] {
            let told = next(&strategy);
            assert!(told.contains(part), "{told}");
            assert!(told.contains("`stoa rollback`"), "{told}");
        }
    }
}
