//! What a registry asks for when it answers 401: `WWW-Authenticate` (RFC 9110), and the tokens of the distribution
//! specification.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// How a registry wants to be asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With name and password in each request.
    Basic,
    /// With a token, which `realm` gives.
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

impl Challenge {
    /// The one that shows a password least often.
    pub(super) fn find(headers: &HeaderMap) -> Option<Self> {
        let mut found = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| Self::parse(value.to_str().ok()?))
            .collect::<Vec<_>>();
        found.sort_by_key(|challenge| matches!(challenge, Self::Basic));
        found.into_iter().next()
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service) = (None, None);
        let mut rest = rest;
        while let Some((name, value, behind)) = parameter(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                // The scope is ours to say.
                _ => {}
            }
            rest = behind;
        }
        Some(Self::Bearer {
            realm: realm?,
            service,
        })
    }
}

/// The first of `a="b", c=d`: its name, its value, and what comes behind.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start_matches([',', ' ', '\t']);
    let (name, rest) = text.split_once('=')?;
    let rest = rest.trim_start();
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find(',').unwrap_or(rest.len());
        let (value, behind) = rest.split_at(end);
        return Some((name.trim(), value.trim().to_owned(), behind));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((name.trim(), value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            character => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn found(values: &[&'static str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        Challenge::find(&headers)
    }

    #[test]
    fn what_cannot_be_answered_is_none() {
        for value in [
            "",
            "Digest realm=\"x\"",
            "Bearer",
            "Bearer service=\"x\"",
            "Bearer realm=\"x",
            "Bearer realm=\"x\\",
        ] {
            assert_eq!(found(&[value]), None, "{value}");
        }
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn a_token_goes_before_a_password() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer {
                realm: realm.to_owned(),
                service: service.map(str::to_owned),
            })
        };
        assert_eq!(
            found(&[
                "Basic realm=\"x\"",
                "bearer  realm=\"https://a/t\",service=\"a, \\\"b\\\"\",scope=\"c:d\""
            ]),
            bearer("https://a/t", Some("a, \"b\""))
        );
        assert_eq!(
            found(&["Bearer realm=https://a/t, error=x"]),
            bearer("https://a/t", None)
        );
        assert_eq!(found(&["basic"]), Some(Challenge::Basic));
    }
}
