//! The filters of [`crate::stack()`], one file each: what it refuses, and its tests.

pub(crate) mod access_log;
pub(crate) mod body_limit;
pub(crate) mod header_count;
pub(crate) mod in_flight;
pub(crate) mod spin_headers;
pub(crate) mod well_known;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

/// What a filter does with the outcome of the service inside it.
pub(crate) trait After<T> {
    type Output;

    fn after(self, outcome: T) -> Self::Output;
}

/// For filters that only refuse.
pub(crate) struct AsIs;

impl<T> After<T> for AsIs {
    type Output = T;

    fn after(self, outcome: T) -> T {
        outcome
    }
}

pin_project! {
    /// The inner service's future and the filter's last word, or an outcome without either. Named, so that no filter
    /// boxes a future per request.
    #[project = ThenProjected]
    pub(crate) enum Then<F, A, T> {
        Inner {
            #[pin]
            future: F,
            after: Option<A>,
        },
        Decided {
            outcome: Option<T>,
        },
    }
}

impl<F, A, T> Then<F, A, T> {
    pub(crate) fn new(future: F, after: A) -> Self {
        Self::Inner {
            future,
            after: Some(after),
        }
    }

    /// The filter answers by itself.
    pub(crate) fn decided(outcome: T) -> Self {
        Self::Decided {
            outcome: Some(outcome),
        }
    }
}

impl<F: Future, A: After<F::Output, Output = T>, T> Future for Then<F, A, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        const ENDED: &str = "a future is not polled after its end";
        Poll::Ready(match self.project() {
            ThenProjected::Inner { future, after } => {
                let outcome = ready!(future.poll(cx));
                after.take().expect(ENDED).after(outcome)
            }
            ThenProjected::Decided { outcome } => outcome.take().expect(ENDED),
        })
    }
}
