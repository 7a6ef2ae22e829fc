//! An A/B test: a header or a cookie says which side a client is on.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{RELEASE, cookies};

/// Why a header or cookie cannot decide.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// No client can send it.
    #[error("`{0}` is not the name of a header")]
    Header(String),
    /// No client can send it.
    #[error("`{0}` is not the name of a cookie")]
    Cookie(String),
}

/// What a request must say to be the candidate's.
#[derive(Debug, Clone)]
pub struct Matcher {
    place: Place,
    value: String,
    vary: HeaderValue,
}

#[derive(Debug, Clone)]
enum Place {
    Header(HeaderName),
    Cookie(String),
}

impl Matcher {
    /// A header of this name with exactly this value.
    ///
    /// # Errors
    /// When it is no name of a header.
    pub fn header(name: &str, value: &str) -> Result<Self, MatcherError> {
        let parsed = HeaderName::try_from(name);
        let name = parsed.map_err(|_| MatcherError::Header(name.to_owned()))?;
        let vary = vary(name.as_str());
        Ok(Self::new(Place::Header(name), value, vary))
    }

    /// A cookie of this name with exactly this value.
    ///
    /// # Errors
    /// When it is no name of a cookie.
    pub fn cookie(name: &str, value: &str) -> Result<Self, MatcherError> {
        // What a cookie may be called is what a header may be called (RFC 6265, section 4.1.1), in any case.
        match HeaderName::try_from(name) {
            Ok(_) => Ok(Self::new(
                Place::Cookie(name.to_owned()),
                value,
                vary("cookie"),
            )),
            Err(_) => Err(MatcherError::Cookie(name.to_owned())),
        }
    }

    fn new(place: Place, value: &str, vary: HeaderValue) -> Self {
        Self {
            place,
            value: value.to_owned(),
            vary,
        }
    }

    pub(super) fn fits(&self, headers: &HeaderMap) -> bool {
        let value = self.value.as_bytes();
        match &self.place {
            Place::Header(name) => headers.get_all(name).iter().any(|sent| sent == value),
            Place::Cookie(name) => cookies::values(headers, name).any(|sent| sent == value),
        }
    }

    /// What answers depend on.
    pub(super) fn vary(&self) -> HeaderValue {
        self.vary.clone()
    }
}

fn vary(name: &str) -> HeaderValue {
    let value = HeaderValue::try_from(format!("{}, {name}", RELEASE.as_str()));
    value.expect("names of headers are printable")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |&(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        fields.iter().map(field).collect()
    }

    #[test]
    fn names_that_nobody_can_send_are_refused() {
        for name in ["", "a b", "a;b", "a=b", "ä"] {
            let header = Matcher::header(name, "x").map(drop);
            assert_eq!(header, Err(MatcherError::Header(name.to_owned())));
            let cookie = Matcher::cookie(name, "x").map(drop);
            assert_eq!(cookie, Err(MatcherError::Cookie(name.to_owned())));
        }
    }

    #[test]
    fn a_header_fits_with_exactly_its_value() {
        let matcher = Matcher::header("X-Beta", "yes").expect("it is a name");
        assert!(!matcher.fits(&HeaderMap::new()));
        for value in ["Yes", "yes!", "ye", ""] {
            assert!(!matcher.fits(&headers(&[("x-beta", value)])), "{value}");
        }
        assert!(matcher.fits(&headers(&[("x-beta", "no"), ("x-beta", "yes")])));
        assert_eq!(matcher.vary(), "stoa-release, x-beta");
    }

    #[test]
    fn a_cookie_fits_with_exactly_its_value() {
        let matcher = Matcher::cookie("Side", "b").expect("it is a name");
        assert!(!matcher.fits(&headers(&[("side", "b")])), "a header");
        for cookies in ["side=b", "Side=bb", "Side", "xSide=b"] {
            assert!(!matcher.fits(&headers(&[("cookie", cookies)])), "{cookies}");
        }
        assert!(matcher.fits(&headers(&[(header::COOKIE.as_str(), "a=1; Side=b")])));
        assert_eq!(matcher.vary(), "stoa-release, cookie");
    }
}
