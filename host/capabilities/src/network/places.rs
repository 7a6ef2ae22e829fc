//! How many connections there are: of a component, of a kind, and of the host.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Settings;

/// What a connection is for: each kind has a cap of its own on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Requests of HTTP.
    Http,
    /// A socket of a guest.
    Socket,
    /// A driver that speaks for guests.
    Driver,
}

/// The place of one connection: free again when it is dropped.
pub struct Place {
    _permits: [Option<OwnedSemaphorePermit>; 3],
}

/// The places that one component takes its own from.
pub(super) struct Places {
    component: Arc<Semaphore>,
    settings: Settings,
}

// === impl Places ===

impl Places {
    pub(super) fn new(most: usize, settings: &Settings) -> Self {
        Self {
            component: Arc::new(Semaphore::new(most)),
            settings: settings.clone(),
        }
    }

    /// Those of the component first and those of the host last, so that nobody holds a place of all while waiting for one
    /// of few.
    pub(super) async fn take(&self, kind: Kind) -> Place {
        let [component, of_kind, of_host] = self.semaphores(kind);
        Place {
            _permits: [
                acquired(component).await,
                acquired(of_kind).await,
                acquired(of_host).await,
            ],
        }
    }

    pub(super) fn try_take(&self, kind: Kind) -> Option<Place> {
        let mut permits = [None, None, None];
        for (permit, places) in permits.iter_mut().zip(self.semaphores(kind)) {
            if let Some(places) = places {
                *permit = Some(Arc::clone(places).try_acquire_owned().ok()?);
            }
        }
        Some(Place { _permits: permits })
    }

    pub(super) fn is_full(&self, kind: Kind) -> bool {
        let mut semaphores = self.semaphores(kind).into_iter().flatten();
        semaphores.any(|places| places.available_permits() == 0)
    }

    fn semaphores(&self, kind: Kind) -> [Option<&Arc<Semaphore>>; 3] {
        [
            Some(&self.component),
            self.settings.of_kind(kind),
            self.settings.of_host(),
        ]
    }
}

async fn acquired(places: Option<&Arc<Semaphore>>) -> Option<OwnedSemaphorePermit> {
    let places = Arc::clone(places?);
    let permit = places.acquire_owned().await;
    Some(permit.expect("the semaphore is never closed"))
}
