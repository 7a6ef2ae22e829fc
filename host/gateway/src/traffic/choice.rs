//! Which release serves a request, and what its answer says of that.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::{HeaderValue, Request, Response, header};
use stoa_manifest::pattern::RESERVED_PREFIX;

use super::bucket::{Bucket, Newcomers, Share};
use super::{Candidate, Plan, RELEASE, Sticky, cookies};
use crate::connection::Connected;
use crate::presigned::PRESIGNED_PREFIX;

/// Health, information and signed URLs are the host's, not a release's. They are not divided either: whoever watches a
/// host keeps no cookies, and a blob is the same on both sides.
pub(super) fn is_ours<T>(request: &Request<T>) -> bool {
    let path = request.uri().path();
    path.starts_with(RESERVED_PREFIX) || path.starts_with(PRESIGNED_PREFIX)
}

/// What a request says to the gateway and to nobody behind it.
pub(super) struct Told {
    key: Option<HeaderValue>,
    bucket: Option<Bucket>,
}

impl Told {
    pub(super) fn take<T>(request: &mut Request<T>) -> Self {
        let headers = request.headers_mut();
        Self {
            key: headers.remove(&RELEASE),
            bucket: cookies::take_bucket(headers),
        }
    }

    /// In constant time: the key keeps those away who were not told of the candidate.
    fn knows(&self, key: &str) -> bool {
        let told = self.key.as_ref().map(HeaderValue::as_bytes);
        told.is_some_and(|told| verify_slices_are_equal(told, key.as_bytes()).is_ok())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Stable,
    Candidate,
}

impl Side {
    fn candidate_if(holds: bool) -> Self {
        match holds {
            true => Self::Candidate,
            false => Self::Stable,
        }
    }
}

/// Who serves a request, and what its answer says of that.
pub(super) struct Choice {
    pub(super) side: Side,
    vary: Option<HeaderValue>,
    /// The cookie of a client that is new.
    bucket: Option<HeaderValue>,
}

impl Choice {
    /// There is nothing to choose.
    pub(super) fn stable() -> Self {
        Self {
            side: Side::Stable,
            vary: None,
            bucket: None,
        }
    }

    fn new(side: Side, vary: HeaderValue) -> Self {
        Self {
            side,
            vary: Some(vary),
            bucket: None,
        }
    }

    pub(super) fn mark<T>(self, response: &mut Response<T>) {
        let headers = response.headers_mut();
        if let Some(vary) = self.vary {
            headers.append(header::VARY, vary);
        }
        if let Some(bucket) = self.bucket {
            headers.append(header::SET_COOKIE, bucket);
            // Beside whatever the release says: of two directives the stricter one holds (RFC 9111, section 4.2.1).
            let private = HeaderValue::from_static("private");
            headers.append(header::CACHE_CONTROL, private);
        }
    }
}

impl<B> Candidate<B> {
    /// Who serves a request while there is a candidate.
    pub(super) fn choose<T>(
        &self,
        request: &Request<T>,
        told: &Told,
        newcomers: &Newcomers,
    ) -> Choice {
        let by_release = HeaderValue::from_static("stoa-release");
        if told.knows(&self.key) {
            return Choice::new(Side::Candidate, by_release);
        }
        if is_ours(request) {
            return Choice::stable();
        }
        match &self.plan {
            Plan::Held | Plan::Mirror { .. } => Choice::new(Side::Stable, by_release),
            Plan::Match(matcher) => {
                let side = Side::candidate_if(matcher.fits(request.headers()));
                Choice::new(side, matcher.vary())
            }
            Plan::Share {
                per_10_000,
                salt,
                sticky,
            } => {
                let share = Share {
                    per_10_000: *per_10_000,
                    salt: *salt,
                };
                let client = (request, told.bucket);
                divide(share, *sticky, client, newcomers)
            }
        }
    }
}

fn divide<T>(
    share: Share,
    sticky: Sticky,
    (request, told): (&Request<T>, Option<Bucket>),
    newcomers: &Newcomers,
) -> Choice {
    let connected = request.extensions().get::<Connected>();
    let connected = connected.expect("a connection tells of itself");
    let address = || Bucket::of_address(connected.peer.ip());
    let chosen = |bucket, vary| {
        let side = Side::candidate_if(share.has(bucket));
        Choice::new(side, HeaderValue::from_static(vary))
    };
    match (sticky, told) {
        (Sticky::Cookie, Some(bucket)) => chosen(bucket, "stoa-release, cookie"),
        (Sticky::Cookie, None) => {
            let bucket = newcomers.next(share);
            Choice {
                bucket: Some(cookies::set_bucket(bucket, &connected.scheme)),
                ..chosen(bucket, "stoa-release, cookie")
            }
        }
        (Sticky::Subject, _) => {
            let subject = Bucket::of_subject(request.headers());
            let bucket = subject.unwrap_or_else(address);
            chosen(bucket, "stoa-release, authorization")
        }
        (Sticky::Address, _) => chosen(address(), "stoa-release"),
    }
}
