//! Waits for what another process does, each with a bound.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

const POLL: Duration = Duration::from_millis(10);

/// Looks until there is something, at most for the limit.
pub(super) fn until<T>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() >= end {
            bail!("not within {limit:?}: {what}");
        }
        thread::sleep(POLL);
    }
}

/// The same for what fails until it is there.
pub(super) fn until_well<T>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut last = None;
    let found = until(limit, what, || match look() {
        Ok(found) => Ok(Some(found)),
        Err(error) => {
            last = Some(error);
            Ok(None)
        }
    });
    found.map_err(|late| match last {
        Some(error) => error.context(late.to_string()),
        None => late,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn a_wait_that_sees_nothing_says_for_what_and_why() {
        let error = until_well::<()>(Duration::ZERO, "the release", || bail!("refused"));
        let error = format!("{:#}", error.expect_err("it always fails"));
        assert!(error.contains("the release"), "{error}");
        assert!(error.contains("refused"), "{error}");
        assert!(until::<()>(Duration::ZERO, "it", || Ok(None)).is_err());
    }

    #[test]
    fn a_wait_ends_with_what_it_sees() {
        let mut left = 3;
        let seen = until(LIMIT, "zero", || {
            left -= 1;
            Ok((left == 0).then_some("seen"))
        });
        assert_eq!(seen.expect("it comes"), "seen");
    }
}
