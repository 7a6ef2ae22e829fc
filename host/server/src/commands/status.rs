//! `stoa status`: what serves, how it does, and what is on its way in or out.

use super::deploy::{chosen_by, shares};
use crate::admin::messages::{self, Draining, Lane, Mirrored, Strategy};
use crate::cli::remote::Status;
use crate::client::{self, Client, Error, show};
use crate::output;

pub(crate) fn status(arguments: &Status) -> anyhow::Result<()> {
    let client = Client::find(&arguments.remote).map_err(Error::told)?;
    let text = client::wait(async {
        let answer = client.get("/v1/status", &[]).await?;
        match arguments.json {
            true => Ok(answer.json()),
            false => Ok(told(&answer.read()?)),
        }
    })?;
    output::line(text);
    Ok(())
}

fn told(status: &messages::Status) -> String {
    let mut lines = vec![format!(
        "{}, version {}",
        show::plain(&status.application),
        status.version
    )];
    lines.extend(behind(status));
    lines.extend(lane("stable", &status.stable));
    if let Some(candidate) = &status.candidate {
        lines.extend(lane("candidate", candidate));
        let strategy = status.strategy.as_ref();
        lines.extend(strategy.map(|it| format!("  {}", share(it, status.percent))));
        let key = status.key.as_deref();
        lines.extend(key.map(|key| format!("  {}", show::reach(key))));
    }
    if let Some(mirrored) = &status.mirrored {
        lines.extend(compared(mirrored));
    }
    lines.extend(draining(&status.draining));
    lines.push(format!(
        "{} revisions drained since the start, {} of them cut off",
        status.drained, status.cut_off
    ));
    lines.join("\n")
}

/// Why this host does not serve what the others do.
fn behind(status: &messages::Status) -> Option<String> {
    let latest = status.latest.filter(|latest| *latest != status.version);
    let why = status.behind.as_deref().map(show::plain);
    match (latest, why) {
        (Some(latest), Some(why)) => Some(format!("version {latest} is in force, not here: {why}")),
        (Some(latest), None) => Some(format!("version {latest} is in force, and on its way here")),
        (None, Some(why)) => Some(format!("this host does not follow the history: {why}")),
        (None, None) => None,
    }
}

/// A release: what was observed of it, and a line per component.
fn lane(role: &str, lane: &Lane) -> Vec<String> {
    let p95 = lane.p95_ms.map_or_else(String::new, |ms| {
        format!(", p95 {}", show::milliseconds(ms))
    });
    let head = format!(
        "{role}: release {}, {} requests, {} errors{p95}",
        lane.release, lane.requests, lane.errors
    );
    let rows: Vec<[String; 3]> = lane
        .components
        .iter()
        .map(|it| {
            [
                format!("  {}", show::plain(&it.id)),
                show::plain(&it.revision),
                show::plain(&it.abi),
            ]
        })
        .collect();
    let mut lines = vec![head];
    if !rows.is_empty() {
        lines.push(show::columns(&rows));
    }
    lines
}

/// How the candidate gets its requests.
fn share(strategy: &Strategy, percent: Option<u8>) -> String {
    match strategy {
        Strategy::AllAtOnce | Strategy::BlueGreen => "no share of the clients".to_owned(),
        Strategy::Canary(canary) => {
            let now = percent.map_or_else(String::new, |percent| format!("{percent} % now, "));
            let end = match canary.promote {
                true => "everybody",
                false => "a promotion",
            };
            format!(
                "a share of the clients: {now}{} up to {end}",
                shares(&canary.steps)
            )
        }
        Strategy::Ab(ab) => format!("requests with {}", chosen_by(ab)),
        Strategy::Mirror(mirror) => format!("copies of {} % of the requests", mirror.percent),
    }
}

fn compared(mirrored: &Mirrored) -> Vec<String> {
    let head = format!(
        "  answers compared: {} same, {} different; {} not copied",
        mirrored.same, mirrored.different, mirrored.skipped
    );
    let differences = mirrored.differences.iter();
    let differences = differences.map(|it| format!("    {}", show::plain(it)));
    std::iter::once(head).chain(differences).collect()
}

fn draining(draining: &[Draining]) -> Option<String> {
    let row = |it: &Draining| {
        [
            format!("  {}", show::plain(&it.component)),
            show::plain(&it.revision),
            format!("for {:.1} s", it.seconds),
        ]
    };
    let rows: Vec<[String; 3]> = draining.iter().map(row).collect();
    (!rows.is_empty()).then(|| format!("draining:\n{}", show::columns(&rows)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::messages::{Canary, Component, Mirror};

    fn component(id: &str, revision: &str) -> Component {
        Component {
            id: id.into(),
            revision: revision.into(),
            abi: "WASI 0.3".into(),
        }
    }

    fn calm() -> messages::Status {
        messages::Status {
            application: "shop 0.1.0".into(),
            version: 12,
            latest: Some(12),
            behind: None,
            stable: Lane {
                release: 6,
                components: vec![
                    component("products", "a1b2"),
                    component("orders-eu", "c3d4"),
                ],
                requests: 1_234,
                errors: 1,
                p95_ms: Some(3.21),
            },
            candidate: None,
            strategy: None,
            percent: None,
            key: None,
            mirrored: None,
            draining: Vec::new(),
            drained: 4,
            cut_off: 0,
        }
    }

    fn with_candidate(strategy: Strategy) -> messages::Status {
        messages::Status {
            candidate: Some(Lane {
                release: 7,
                components: vec![component("products", "e5f6")],
                requests: 0,
                errors: 0,
                p95_ms: None,
            }),
            strategy: Some(strategy),
            key: Some("0123456789abcdef".into()),
            ..calm()
        }
    }

    #[test]
    fn what_serves_is_told_with_what_was_observed() {
        assert_eq!(
            told(&calm()),
            "shop 0.1.0, version 12\n\
             stable: release 6, 1234 requests, 1 errors, p95 3.2 ms\n\
             \u{20} products   a1b2  WASI 0.3\n\
             \u{20} orders-eu  c3d4  WASI 0.3\n\
             4 revisions drained since the start, 0 of them cut off"
        );
    }

    #[test]
    fn a_canary_is_told_with_its_share_and_what_it_replaces() {
        let status = messages::Status {
            percent: Some(25),
            draining: vec![Draining {
                component: "products".into(),
                revision: "0000".into(),
                seconds: 3.21,
            }],
            ..with_candidate(Strategy::Canary(Canary::default()))
        };
        assert_eq!(
            told(&status),
            "shop 0.1.0, version 12\n\
             stable: release 6, 1234 requests, 1 errors, p95 3.2 ms\n\
             \u{20} products   a1b2  WASI 0.3\n\
             \u{20} orders-eu  c3d4  WASI 0.3\n\
             candidate: release 7, 0 requests, 0 errors\n\
             \u{20} products  e5f6  WASI 0.3\n\
             \u{20} a share of the clients: 25 % now, 5 %, 25 %, 50 % up to everybody\n\
             \u{20} reach it with `curl -H 'stoa-release: 0123456789abcdef' …`\n\
             draining:\n\
             \u{20} products  0000  for 3.2 s\n\
             4 revisions drained since the start, 0 of them cut off"
        );
    }

    #[test]
    fn a_mirror_is_told_with_what_it_found() {
        let status = messages::Status {
            mirrored: Some(Mirrored {
                same: 10,
                different: 1,
                skipped: 2,
                differences: vec!["GET /a: 200, 500".into()],
            }),
            ..with_candidate(Strategy::Mirror(Mirror::default()))
        };
        let told = told(&status);
        assert!(
            told.contains(
                "\n  copies of 100 % of the requests\n  reach it with `curl -H 'stoa-release: 0123456789abcdef' …`\n  \
                 answers compared: 10 same, 1 different; 2 not copied\n    GET /a: 200, 500\n"
            ),
            "{told}"
        );
    }

    #[test]
    fn a_host_that_does_not_follow_says_why() {
        let mut status = calm();
        status.latest = Some(13);
        assert_eq!(
            behind(&status).as_deref(),
            Some("version 13 is in force, and on its way here")
        );
        status.behind = Some("the history cannot be reached".into());
        assert_eq!(
            behind(&status).as_deref(),
            Some("version 13 is in force, not here: the history cannot be reached")
        );
        status.latest = None;
        assert_eq!(
            behind(&status).as_deref(),
            Some("this host does not follow the history: the history cannot be reached")
        );
    }
}
