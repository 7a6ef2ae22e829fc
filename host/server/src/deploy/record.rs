//! Appends a change to the history, also where the answer is lost on its way.

use stoa_capabilities::releases::{Change, Error, NewChange, NewRelease, Store, Which};

use super::refused::Refused;

/// Appends a change, and with it perhaps a release, if nobody else did since `version`.
///
/// A history that gives no answer may have recorded the change all the same: then it is looked for. What was not found may
/// still come to be, and is [`Refused::Uncertain`]; whoever follows the history serves it then.
pub(super) async fn record(
    store: &dyn Store,
    version: u64,
    release: Option<NewRelease>,
    change: NewChange,
) -> Result<Change, Refused> {
    let (wanted, bundle) = (
        change.clone(),
        release.as_ref().map(|release| release.bundle.clone()),
    );
    let lost = match store.publish(version, release, change).await {
        Ok(change) => return Ok(change),
        Err(Error::Conflict { current }) => {
            return Err(Refused::Conflict {
                expected: version,
                current: current.map_or(0, |change| change.version),
            });
        }
        Err(error @ Error::Unavailable(_)) => error,
        Err(error) => return Err(error.into()),
    };
    let uncertain = || Refused::Uncertain(format!("{:#}", anyhow::Error::new(lost)));
    let Ok(Some(latest)) = store.current().await else {
        return Err(uncertain());
    };
    if latest.version != version + 1 {
        return Err(uncertain());
    }
    let same = match bundle {
        None => true,
        Some(bundle) => match store.release(written_with(&latest)).await {
            Ok(release) => release.is_some_and(|release| release.bundle == bundle),
            Err(_) => return Err(uncertain()),
        },
    };
    match same && is_same(&latest, &wanted) {
        true => Ok(latest),
        false => Err(Refused::Conflict {
            expected: version,
            current: latest.version,
        }),
    }
}

/// The release that was written with a change, if one was.
pub(super) fn written_with(change: &Change) -> u64 {
    change.candidate.unwrap_or(change.stable)
}

/// Whether a change is the one that was wanted. One that cannot be told apart from it is as good.
fn is_same(change: &Change, wanted: &NewChange) -> bool {
    let names = |number: u64, which: Which| match which {
        Which::Number(wanted) => number == wanted,
        Which::New => true,
    };
    let candidate = match (change.candidate, wanted.candidate) {
        (None, None) => true,
        (Some(number), Some(which)) => names(number, which),
        _ => false,
    };
    candidate
        && names(change.stable, wanted.stable)
        && change.plan == wanted.plan
        && change.cause == wanted.cause
        && change.by == wanted.by
        && change.reason == wanted.reason
}

#[cfg(test)]
mod tests {
    use stoa_capabilities::releases::Cause;

    use super::*;

    fn wanted(stable: Which, candidate: Option<Which>) -> NewChange {
        NewChange {
            stable,
            candidate,
            plan: "{}".into(),
            cause: Cause::Deploy,
            reason: "spring".into(),
            by: "token:ops".into(),
        }
    }

    fn recorded(stable: u64, candidate: Option<u64>) -> Change {
        Change {
            version: 7,
            stable,
            candidate,
            plan: "{}".into(),
            cause: Cause::Deploy,
            reason: "spring".into(),
            at_ms: 1,
            by: "token:ops".into(),
        }
    }

    #[test]
    fn what_somebody_else_recorded_is_not_taken_for_ones_own() {
        let canary = wanted(Which::Number(3), Some(Which::New));
        let same = recorded(3, Some(4));
        assert!(is_same(&same, &canary));
        let others = [
            recorded(3, None),
            recorded(4, Some(5)),
            Change {
                by: "token:other".into(),
                ..same.clone()
            },
            Change {
                plan: "{ }".into(),
                ..same.clone()
            },
            Change {
                cause: Cause::Step,
                ..same.clone()
            },
            Change {
                reason: String::new(),
                ..same
            },
        ];
        for other in others {
            assert!(!is_same(&other, &canary), "{other:?}");
        }
        let back = wanted(Which::Number(3), None);
        assert!(is_same(&recorded(3, None), &back));
        assert!(!is_same(&recorded(2, None), &back));
        assert!(!is_same(&recorded(3, Some(4)), &back));
    }

    #[test]
    fn the_new_release_is_the_candidate_where_there_is_one() {
        assert_eq!(written_with(&recorded(3, Some(4))), 4);
        assert_eq!(written_with(&recorded(3, None)), 3);
    }
}
