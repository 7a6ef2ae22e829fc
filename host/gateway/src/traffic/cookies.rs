//! Cookies as requests carry them, and the one that is ours: the bucket a client was given.

use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, header};

use super::bucket::Bucket;

/// The name of our cookie. Nobody behind the gateway sees it.
const BUCKET: &str = "stoa-bucket";

/// For how long a client that does not come back keeps its bucket: 30 days.
const BUCKET_SECONDS: u32 = 30 * 24 * 60 * 60;

/// The values of all cookies of a name, in the order in which the client sent them.
pub(super) fn values<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let pairs = cookies.flat_map(|value| pieces(value).map(pair));
    pairs.filter_map(move |(key, value)| (key == name.as_bytes()).then_some(value))
}

fn pieces(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b';')
}

fn pair(piece: &[u8]) -> (&[u8], &[u8]) {
    let end = piece.iter().position(|byte| *byte == b'=');
    let (name, rest) = piece.split_at(end.unwrap_or(piece.len()));
    let value = rest.strip_prefix(b"=").unwrap_or(rest);
    (name.trim_ascii(), value.trim_ascii())
}

/// Takes our cookie out; every other one stays as it is, byte for byte. Of several that are valid the first counts:
/// clients send first what fits best. Nothing is allocated unless there is one.
pub(super) fn take_bucket(headers: &mut HeaderMap) -> Option<Bucket> {
    values(headers, BUCKET).next()?;
    let bucket = values(headers, BUCKET).find_map(Bucket::parse);
    let cookies = headers.get_all(header::COOKIE).iter();
    let kept: Vec<HeaderValue> = cookies.filter_map(without_bucket).collect();
    headers.remove(header::COOKIE);
    for value in kept {
        headers.append(header::COOKIE, value);
    }
    bucket
}

fn without_bucket(value: &HeaderValue) -> Option<HeaderValue> {
    let ours = |piece: &&[u8]| pair(piece).0 == BUCKET.as_bytes();
    let kept: Vec<&[u8]> = pieces(value).filter(|piece| !ours(piece)).collect();
    let kept = kept.join(&b';');
    // The space that stood between our cookie and the one behind it belongs to neither.
    let kept = match pieces(value).next().is_some_and(|first| ours(&first)) {
        true => kept.trim_ascii_start(),
        false => &kept,
    };
    match kept.is_empty() {
        true => None,
        false => HeaderValue::from_bytes(kept).ok(),
    }
}

/// What gives a client its bucket.
pub(super) fn set_bucket(bucket: Bucket, scheme: &Scheme) -> HeaderValue {
    let secure = match *scheme == Scheme::HTTPS {
        true => "; Secure",
        false => "",
    };
    let number = bucket.number();
    let cookie = format!(
        "{BUCKET}={number}; Path=/; HttpOnly; SameSite=Lax; Max-Age={BUCKET_SECONDS}{secure}"
    );
    HeaderValue::try_from(cookie).expect("a cookie of letters and digits is printable")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let cookie = |text: &&str| HeaderValue::from_str(text).expect("it is a header");
        let values = cookies.iter().map(cookie);
        values.map(|value| (header::COOKIE, value)).collect()
    }

    /// The bucket, and what is left.
    fn taken(cookies: &[&str]) -> (Option<u16>, Vec<String>) {
        let mut headers = headers(cookies);
        let bucket = take_bucket(&mut headers).map(Bucket::number);
        let left = headers.get_all(header::COOKIE).iter();
        let text = |value: &HeaderValue| value.to_str().expect("it is text").to_owned();
        (bucket, left.map(text).collect())
    }

    #[test]
    fn what_is_no_bucket_gives_none_and_is_taken_out_too() {
        for cookie in [
            "stoa-bucket=10000",
            "stoa-bucket=",
            "stoa-bucket",
            "stoa-bucket=\"7\"",
        ] {
            assert_eq!(taken(&[cookie]), (None, vec![]), "{cookie}");
        }
    }

    #[test]
    fn other_names_are_other_cookies() {
        let others = "Stoa-Bucket=1; xstoa-bucket=2; stoa-bucket2=3; a=stoa-bucket";
        assert_eq!(taken(&[others]), (None, vec![others.to_owned()]));
    }

    #[test]
    fn of_two_the_first_valid_one_counts() {
        assert_eq!(taken(&["stoa-bucket=1; stoa-bucket=2"]), (Some(1), vec![]));
        assert_eq!(
            taken(&["stoa-bucket=x; a=1", "stoa-bucket=2"]),
            (Some(2), vec!["a=1".to_owned()])
        );
    }

    #[test]
    fn every_other_cookie_stays_byte_for_byte() {
        for (sent, left) in [
            ("stoa-bucket=5; b=\"x y\";c =2;", "b=\"x y\";c =2;"),
            ("a= 1 ;  b; stoa-bucket=5", "a= 1 ;  b"),
            ("a=1; stoa-bucket=5;b=2", "a=1;b=2"),
            ("a=1;stoa-bucket=5; b=2; ", "a=1; b=2; "),
        ] {
            assert_eq!(taken(&[sent]), (Some(5), vec![left.to_owned()]), "{sent}");
        }
        let untouched = [" a=1;;b", "c=2"].map(str::to_owned).to_vec();
        assert_eq!(taken(&[" a=1;;b", "c=2"]), (None, untouched));
    }

    #[test]
    fn values_of_one_name_come_in_their_order() {
        let headers = headers(&["a=1; b=2;a = x=y ", "a"]);
        let found: Vec<&[u8]> = values(&headers, "a").collect();
        assert_eq!(found, [&b"1"[..], b"x=y", b""]);
    }

    #[test]
    fn the_cookie_is_secure_where_the_connection_is() {
        let bucket = Bucket::parse(b"42").expect("it is one");
        let plain = set_bucket(bucket, &Scheme::HTTP);
        assert_eq!(
            plain,
            "stoa-bucket=42; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000"
        );
        let secure = set_bucket(bucket, &Scheme::HTTPS);
        assert!(secure.as_bytes().ends_with(b"; Secure"));
    }
}
