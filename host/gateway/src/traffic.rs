//! What is served, as one snapshot that is exchanged as a whole, and how clients are divided between a stable release and
//! a candidate.
//!
//! The side is chosen before the release's stack, because routes differ by release: a request is served by one release
//! from its first filter to its last byte, whatever is published meanwhile, and a connection outlives every release.
//! Without a candidate that costs a look at the snapshot and at the cookies, and nothing is allocated.
//!
//! What is divided must not be mixed again by a shared cache. While there is a candidate, answers say in `vary` what chose
//! their side: `stoa-release`, and with it `cookie`, `authorization` or the header of an A/B test. An address needs no
//! word: a cache asks from its own. An answer that gives a client its bucket is `private` besides, or a cache would give
//! the same bucket to everybody who asks after it.
//!
//! It does not decide who is divided how, nor when that is over: whoever publishes does.

mod bucket;
mod choice;
mod cookies;
mod matcher;
mod mirror;
mod observed;
mod tap;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body::Body;
use metrics::Counter;

use self::bucket::Newcomers;
use self::choice::{Choice, Side, Told, is_ours};
pub use self::matcher::{Matcher, MatcherError};
pub use self::mirror::Found;
use self::mirror::{Mirrors, Original};
pub use self::observed::Observed;
use self::observed::Observing;
pub(crate) use self::tap::Tapped;
use crate::body::RequestBody;
use crate::metrics::{GATEWAY_LANE_REQUESTS_TOTAL, GATEWAY_SWAPS_TOTAL};
use crate::stack::{Answering, Public, PublicBody};

/// By its value a request reaches the candidate, whatever the plan. No release sees it.
static RELEASE: HeaderName = HeaderName::from_static("stoa-release");

/// What is served at one time. Immutable: whatever changes is another one.
pub struct Snapshot<B> {
    /// What serves everybody who is not the candidate's.
    pub stable: Lane<B>,
    /// What is tried beside it.
    pub candidate: Option<Candidate<B>>,
}

/// A release that is tried.
pub struct Candidate<B> {
    /// Its stacks.
    pub lane: Lane<B>,
    /// Who reaches it.
    pub plan: Plan,
    /// 16 hexadecimal digits: the header `stoa-release` with this value reaches it on any plan.
    pub key: String,
}

/// One release.
pub struct Lane<B> {
    /// Its stack on every core, in their order. What is in one is used on that core only.
    pub cores: Vec<Public<B>>,
    /// What was seen of it.
    pub observed: Arc<Observed>,
}

/// How a candidate gets its requests.
pub enum Plan {
    /// By the header only.
    Held,
    /// A share of the clients, who stay on their side. As it grows, those who are there stay there.
    Share {
        /// How many of 10,000.
        per_10_000: u16,
        /// Which of them come first. The same for all steps of one candidate.
        salt: u64,
        /// By what a client is known again.
        sticky: Sticky,
    },
    /// Whoever says so.
    Match(Matcher),
    /// Nobody. It is asked what the stable release is asked, and its answers are compared and thrown away.
    Mirror {
        /// How many requests of 10,000 are copied.
        per_10_000: u16,
        /// What came of it.
        found: Arc<Found>,
    },
}

/// By what a client is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sticky {
    /// The cookie `stoa-bucket`, which a client without one is given.
    Cookie,
    /// The `sub` of its bearer token, which is not verified; its address where there is none.
    Subject,
    /// Its address; of IPv6, the network of its link.
    Address,
}

/// In the extensions of a copy that a mirrored candidate answers: no client waits for it.
#[derive(Debug, Clone, Copy)]
pub struct Mirrored;

/// What is served, exchanged as one. Cheap to clone.
pub struct Front<B>(Arc<Served<B>>);

struct Served<B> {
    snapshot: ArcSwap<Snapshot<B>>,
    cores: usize,
    newcomers: Newcomers,
    mirrors: Mirrors,
    counters: Counters,
}

/// Registered once, so that counting a request formats nothing.
struct Counters {
    swaps: Counter,
    stable: Counter,
    candidate: Counter,
}

// === impl Front ===

impl<B> Clone for Front<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B> Front<B> {
    /// It serves as many cores as the first snapshot's stable release has stacks.
    ///
    /// # Panics
    /// When that is none, or a candidate has another number of stacks.
    pub fn new(first: Snapshot<B>) -> Self {
        let cores = first.stable.cores.len();
        assert!(cores > 0, "something must serve");
        first.check(cores);
        let lane =
            |lane: &'static str| metrics::counter!(GATEWAY_LANE_REQUESTS_TOTAL, "lane" => lane);
        let counters = Counters {
            swaps: metrics::counter!(GATEWAY_SWAPS_TOTAL),
            stable: lane("stable"),
            candidate: lane("candidate"),
        };
        Self(Arc::new(Served {
            snapshot: ArcSwap::from_pointee(first),
            cores,
            newcomers: Newcomers::default(),
            mirrors: Mirrors::default(),
            counters,
        }))
    }

    /// Whatever arrives from now on, on every core, is served by `next`; what is in flight finishes where it began. What
    /// was served before is dropped here, but for what requests in flight hold of it.
    ///
    /// # Panics
    /// When a release of it has not one stack for each core.
    pub fn publish(&self, next: Snapshot<B>) {
        next.check(self.0.cores);
        self.0.snapshot.store(Arc::new(next));
        self.0.counters.swaps.increment(1);
    }

    /// How many cores it serves.
    pub(crate) fn cores(&self) -> usize {
        self.0.cores
    }

    /// The service of one core.
    pub(crate) fn on_core(&self, core: usize) -> OnCore<B> {
        assert!(core < self.0.cores, "a core has a stack");
        let front = self.clone();
        OnCore(Arc::new(PerCore { front, core }))
    }
}

impl<B> Snapshot<B> {
    fn check(&self, cores: usize) {
        let candidate = self.candidate.iter().map(|candidate| &candidate.lane);
        let mut lanes = std::iter::once(&self.stable).chain(candidate);
        assert!(
            lanes.all(|lane| lane.cores.len() == cores),
            "a release has one stack for each core"
        );
    }
}

// === impl OnCore ===

/// The service of one core. Cheap to clone, and no two cores meet in its counter.
pub(crate) struct OnCore<B>(Arc<PerCore<B>>);

struct PerCore<B> {
    front: Front<B>,
    core: usize,
}

impl<B> Clone for OnCore<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B> OnCore<B>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
{
    /// Answers a request that carries [`crate::Connected`]. Dropping the future means that the client is gone.
    pub(crate) async fn answer(
        &self,
        request: Request<RequestBody>,
    ) -> Response<Tapped<PublicBody<B>>> {
        self.begin(request).answered().await
    }

    /// The snapshot is looked at once. What of it the answer needs is in the answer's future.
    fn begin(&self, mut request: Request<RequestBody>) -> Begun<B> {
        let served = &*self.0.front.0;
        let snapshot = served.snapshot.load();
        let told = Told::take(&mut request);
        let candidate = snapshot.candidate.as_ref();
        let choose =
            |candidate: &Candidate<B>| candidate.choose(&request, &told, &served.newcomers);
        let choice = candidate.map_or_else(Choice::stable, choose);
        let (lane, counter) = match (choice.side, candidate) {
            (Side::Candidate, Some(candidate)) => (&candidate.lane, &served.counters.candidate),
            _ => (&snapshot.stable, &served.counters.stable),
        };
        // What is the host's own answer says nothing of a release: it is neither counted nor compared.
        let clients = !is_ours(&request);
        if clients {
            counter.increment(1);
        }
        let observing = clients.then(|| lane.observed.begin());
        let (request, original) = match candidate {
            Some(candidate) if clients && choice.side == Side::Stable => {
                served.mirror(request, candidate, self.0.core)
            }
            _ => (request, None),
        };
        Begun {
            answer: lane.cores[self.0.core].answer(request),
            observing,
            choice,
            original,
        }
    }
}

impl<B> Served<B>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
{
    fn mirror(
        &self,
        request: Request<RequestBody>,
        candidate: &Candidate<B>,
        core: usize,
    ) -> (Request<RequestBody>, Option<Original>) {
        match &candidate.plan {
            Plan::Mirror { per_10_000, found } => {
                let (to, share) = ((&candidate.lane, core), (*per_10_000, found));
                self.mirrors.copy(request, to, share)
            }
            Plan::Held | Plan::Share { .. } | Plan::Match(_) => (request, None),
        }
    }
}

/// A request that its release has.
struct Begun<B> {
    answer: Answering<B>,
    observing: Option<Observing>,
    choice: Choice,
    original: Option<Original>,
}

impl<B> Begun<B>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static> + Send + 'static,
{
    async fn answered(self) -> Response<Tapped<PublicBody<B>>> {
        let Self {
            answer,
            observing,
            choice,
            original,
        } = self;
        let Ok(mut response) = answer.await;
        if let Some(observing) = observing {
            observing.answered(response.status());
        }
        choice.mark(&mut response);
        match original {
            None => response.map(Tapped::plain),
            Some(original) => tap::tapped(response, &original.method, original.passed),
        }
    }
}
