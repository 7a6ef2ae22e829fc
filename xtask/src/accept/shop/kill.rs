//! `kill -9` under clients that write until their host is gone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::ensure;

use crate::host::Host;

/// A client with a thread of its own. It goes on for as long as [`Ending::goes_on`] says so.
pub(in crate::accept) type Client<'a> = Box<dyn FnOnce(&Ending) + Send + 'a>;

/// What clients know of the end of their host, and what failed before it.
#[derive(Default)]
pub(in crate::accept) struct Ending {
    is_near: AtomicBool,
    trouble: Mutex<Vec<String>>,
}

impl Ending {
    /// Whether a client goes on after this. A failure ends it, and is trouble unless the host is being killed.
    pub(in crate::accept) fn goes_on(&self, outcome: anyhow::Result<()>) -> bool {
        let Err(error) = outcome else {
            // A host that is killed late must not be written to for ever.
            return !self.is_near();
        };
        if !self.is_near() {
            let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            trouble.push(format!("{error:#}"));
        }
        false
    }

    /// Whether the host is being killed.
    pub(in crate::accept) fn is_near(&self) -> bool {
        self.is_near.load(Ordering::SeqCst)
    }

    fn into_trouble(self) -> Vec<String> {
        self.trouble
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets clients write until the host is killed under them, so long after they began. Fails if one failed before.
pub(in crate::accept) fn under(
    host: Host,
    moment: Duration,
    clients: Vec<Client<'_>>,
) -> anyhow::Result<()> {
    let ending = Ending::default();
    thread::scope(|scope| {
        for client in clients {
            let ending = &ending;
            scope.spawn(move || client(ending));
        }
        thread::sleep(moment);
        // From here on failures are what was to be expected.
        ending.is_near.store(true, Ordering::SeqCst);
        host.kill()
    })?;
    let trouble = ending.into_trouble();
    ensure!(trouble.is_empty(), "{}", trouble.join("; "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn a_failure_is_trouble_unless_the_end_is_near() {
        let ending = Ending::default();
        assert!(ending.goes_on(Ok(())));
        assert!(!ending.goes_on(Err(anyhow!("early"))));
        ending.is_near.store(true, Ordering::SeqCst);
        assert!(!ending.goes_on(Ok(())));
        assert!(!ending.goes_on(Err(anyhow!("late"))));
        assert_eq!(ending.into_trouble(), ["early"]);
    }
}
