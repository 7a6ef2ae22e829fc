//! Which clients a share of them is: every client has a bucket, and a share is a range of buckets.
//!
//! A bucket never changes, so a share that grows keeps whoever is in it. It is the same on every host of a fleet: what it
//! is made of is hashed without a key. Which buckets come first is the salt's doing, so that it is not always the same
//! clients who try what is new.

use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, header};
use serde_json::Value;

/// How many buckets there are: a hundred to a percent.
const BUCKETS: u16 = 10_000;

/// From one newcomer's bucket to the next: the golden ratio of all buckets. Any so many in a row are spread evenly, also
/// every second or every third of them, which a counter with its bits reversed does not promise: clients come in patterns.
const STEP: u64 = 6_181;

/// What one newcomer of a candidate costs, of a credit that every newcomer adds the share to.
const NEWCOMER: i64 = BUCKETS as i64;

/// Credit that is kept: what was left over in quiet times must not be spent on newcomers in a row.
const CREDIT_MAX: i64 = 2 * NEWCOMER;

/// Bytes of an `authorization` header that is looked into. Tokens are smaller; of what is larger the address decides.
const AUTHORIZATION_BYTES_MAX: usize = 8 * 1024;

/// One of the groups that clients are divided into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket(u16);

impl Bucket {
    /// As [`Bucket::number`] was written into a cookie; nothing else is one.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let digits = matches!(text.len(), 1..=4) && text.iter().all(u8::is_ascii_digit);
        let add = |number: u16, digit: &u8| number * 10 + u16::from(digit - b'0');
        digits.then(|| Self(text.iter().fold(0, add)))
    }

    pub(super) fn number(self) -> u16 {
        self.0
    }

    /// Of the `sub` of a bearer token. The token is not verified: it only decides the side, and whoever forges one could
    /// as well ask for a side by any other means.
    pub(super) fn of_subject(headers: &HeaderMap) -> Option<Self> {
        let authorization = headers.get(header::AUTHORIZATION)?.as_bytes();
        if authorization.len() > AUTHORIZATION_BYTES_MAX {
            return None;
        }
        let (scheme, token) = authorization.split_at_checked("bearer ".len())?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return None;
        }
        let claims = token.split(|byte| *byte == b'.').nth(1)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        let subject = claims.get("sub")?.as_str()?;
        (!subject.is_empty()).then(|| Self::of(subject.as_bytes()))
    }

    /// Of a client's address. Of IPv6 the network of its link counts: clients change the rest as they like.
    pub(super) fn of_address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::of(&address.octets()),
            IpAddr::V6(address) => Self::of(&address.octets()[..8]),
        }
    }

    fn of(bytes: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, bytes);
        let digest: &[u8] = digest.as_ref();
        let first = digest.first_chunk().expect("a SHA-256 is longer");
        Self::at(u64::from_be_bytes(*first))
    }

    fn at(number: u64) -> Self {
        Self((number % u64::from(BUCKETS)) as u16)
    }
}

/// A range of buckets, turned by a salt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) per_10_000: u16,
    pub(super) salt: u64,
}

impl Share {
    pub(super) fn has(self, bucket: Bucket) -> bool {
        let buckets = u64::from(BUCKETS);
        let turned = (u64::from(bucket.0) + self.salt % buckets) % buckets;
        turned < u64::from(self.per_10_000)
    }
}

/// Buckets in an order in which any so many in a row are spread evenly. Shared by all cores.
#[derive(Default)]
pub(super) struct Sequence(AtomicU64);

impl Sequence {
    pub(super) fn next(&self) -> Bucket {
        let number = self.0.fetch_add(1, Ordering::Relaxed) % u64::from(BUCKETS);
        Bucket::at(number * STEP)
    }
}

/// Gives clients that have no bucket one. Of any number of them, at most the share and one more see the candidate: what
/// the sequence would give beyond that goes to the stable release.
#[derive(Default)]
pub(super) struct Newcomers {
    sequence: Sequence,
    account: Mutex<Account>,
}

/// What the share of one candidate has earned and newcomers have not spent. The next candidate begins anew.
#[derive(Default)]
struct Account {
    /// The candidate's.
    salt: u64,
    credit: i64,
}

impl Newcomers {
    pub(super) fn next(&self, share: Share) -> Bucket {
        let bucket = self.sequence.next();
        let wanted = share.has(bucket);
        match self.earn(share, wanted) || !wanted {
            true => bucket,
            false => self.outside(share).unwrap_or(bucket),
        }
    }

    /// Adds the share of one newcomer, and spends a newcomer if one is wanted and can be paid for. Says whether.
    fn earn(&self, share: Share, wanted: bool) -> bool {
        let mut account = self.account.lock().expect("counting does not panic");
        if account.salt != share.salt {
            let salt = share.salt;
            *account = Account { salt, credit: 0 };
        }
        account.credit = (account.credit + i64::from(share.per_10_000)).min(CREDIT_MAX);
        let paid = wanted && account.credit > 0;
        if paid {
            account.credit -= NEWCOMER;
        }
        paid
    }

    /// The next bucket that is not in the share. After all buckets, there is none.
    fn outside(&self, share: Share) -> Option<Bucket> {
        (0..BUCKETS)
            .map(|_| self.sequence.next())
            .find(|bucket| !share.has(*bucket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn bearer(claims: &str) -> HeaderMap {
        let value = format!("Bearer e30.{}.c2lnbmVk", URL_SAFE_NO_PAD.encode(claims));
        authorized(&value)
    }

    fn authorized(value: &str) -> HeaderMap {
        let value = HeaderValue::from_str(value).expect("it is a header");
        HeaderMap::from_iter([(header::AUTHORIZATION, value)])
    }

    fn share(per_10_000: u16, salt: u64) -> Share {
        Share { per_10_000, salt }
    }

    #[test]
    fn what_is_no_bucket_is_none() {
        for text in ["", "10000", "-1", "+1", "1 ", "0x1", "7e1", "12345", "a"] {
            assert_eq!(Bucket::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_bucket_is_read_as_it_was_written() {
        for number in [0, 7, 9_999] {
            let text = number.to_string();
            assert_eq!(Bucket::parse(text.as_bytes()), Some(Bucket(number)));
        }
    }

    #[test]
    fn what_has_no_subject_has_no_bucket_by_it() {
        for claims in [
            "",
            "[]",
            "{}",
            r#"{"sub":7}"#,
            r#"{"sub":""}"#,
            r#"{"sub":"a""#,
        ] {
            assert_eq!(Bucket::of_subject(&bearer(claims)), None, "{claims}");
        }
        for value in ["", "Bearer", "Bearer a", "Bearer a.%.b", "Basic YTpi"] {
            assert_eq!(Bucket::of_subject(&authorized(value)), None, "{value}");
        }
        assert_eq!(Bucket::of_subject(&HeaderMap::new()), None);
    }

    #[test]
    fn a_token_that_is_too_large_is_not_looked_into() {
        let claims = |bytes| format!(r#"{{"sub":"a","fill":"{}"}}"#, "x".repeat(bytes));
        let small = Bucket::of_subject(&bearer(&claims(1_024)));
        assert_eq!(small, Some(Bucket::of(b"a")));
        let large = bearer(&claims(AUTHORIZATION_BYTES_MAX));
        assert_eq!(Bucket::of_subject(&large), None);
    }

    #[test]
    fn a_subject_has_one_bucket_whatever_else_its_token_says() {
        let first = Bucket::of_subject(&bearer(r#"{"sub":"ada","iat":1}"#));
        let second = Bucket::of_subject(&bearer(r#"{"iat":2,"sub":"ada"}"#));
        let other = Bucket::of_subject(&bearer(r#"{"sub":"bob","iat":1}"#));
        assert!(first.is_some());
        assert_eq!(first, second);
        assert_ne!(first, other);
    }

    #[test]
    fn addresses_of_one_network_of_ipv6_have_one_bucket() {
        let bucket =
            |text: &str| Bucket::of_address(text.parse().expect("the test writes addresses"));
        assert_eq!(bucket("2001:db8:0:1::1"), bucket("2001:db8:0:1:ffff::2"));
        assert_ne!(bucket("2001:db8:0:1::1"), bucket("2001:db8:0:2::1"));
        assert_ne!(bucket("192.0.2.1"), bucket("192.0.2.2"));
        assert_eq!(bucket("192.0.2.1"), bucket("::ffff:192.0.2.1"));
    }

    /// Pinned: another host of the fleet must come to the same.
    #[test]
    fn the_hash_is_the_first_eight_bytes_of_sha_256() {
        // SHA-256 of "abc" begins with ba7816bf8f01cfea.
        let expected = 0xba78_16bf_8f01_cfea_u64 % 10_000;
        assert_eq!(u64::from(Bucket::of(b"abc").number()), expected);
    }

    #[test]
    fn a_growing_share_keeps_whoever_is_in_it() {
        let all = || (0..BUCKETS).map(Bucket);
        for salt in [0, 1, 9_999, u64::MAX] {
            let mut before = 0;
            for per_10_000 in [0, 1, 500, 2_500, 10_000] {
                let (smaller, larger) = (share(before, salt), share(per_10_000, salt));
                assert!(all().filter(|it| smaller.has(*it)).all(|it| larger.has(it)));
                let size = all().filter(|it| larger.has(*it)).count();
                assert_eq!(size, usize::from(per_10_000));
                before = per_10_000;
            }
        }
    }

    #[test]
    fn another_salt_is_another_range() {
        let has = |salt| (0..BUCKETS).filter(move |it| share(100, salt).has(Bucket(*it)));
        assert!(has(0).all(|bucket| bucket < 100));
        assert!(has(5_000).all(|bucket| (5_000..5_100).contains(&bucket)));
    }

    #[test]
    fn of_newcomers_at_most_the_share_and_one_more_see_the_candidate() {
        for per_10_000 in [100, 500, 2_500, 5_000, 9_900] {
            for salt in (0..10_000).step_by(997) {
                let (newcomers, share) = (Newcomers::default(), share(per_10_000, salt));
                let mut seen = 0;
                for number in 1..=1_000_i64 {
                    seen += i64::from(share.has(newcomers.next(share)));
                    let most = number * i64::from(per_10_000) / NEWCOMER + 1;
                    assert!(seen <= most, "{seen} of {number} at {per_10_000}");
                }
                let due = 1_000 * i64::from(per_10_000) / NEWCOMER;
                assert!(seen + 4 >= due, "{seen} at {per_10_000}, {salt}");
            }
        }
    }

    #[test]
    fn what_one_candidate_left_is_not_for_the_next() {
        for before in [500, 2_500, 5_000] {
            for quiet in 1..200 {
                let (newcomers, next) = (Newcomers::default(), share(1_000, 4_321));
                for _ in 0..quiet {
                    newcomers.next(share(before, 7));
                }
                let mut seen = 0;
                for number in 1..=100_i64 {
                    seen += i64::from(next.has(newcomers.next(next)));
                    let most = number * 1_000 / NEWCOMER + 1;
                    assert!(seen <= most, "{seen} of {number} after {quiet} at {before}");
                }
            }
        }
    }

    #[test]
    fn all_and_nothing_are_shares_too() {
        let newcomers = Newcomers::default();
        for _ in 0..100 {
            assert!(share(10_000, 3).has(newcomers.next(share(10_000, 3))));
            assert!(!share(0, 3).has(newcomers.next(share(0, 3))));
        }
    }

    #[test]
    fn every_second_newcomer_is_spread_as_evenly_as_all_are() {
        let (sequence, half) = (Sequence::default(), share(5_000, 0));
        let buckets: Vec<Bucket> = (0..1_000).map(|_| sequence.next()).collect();
        let seen = buckets
            .iter()
            .step_by(2)
            .filter(|it| half.has(**it))
            .count();
        assert!((245..=255).contains(&seen), "{seen} of 500");
    }
}
