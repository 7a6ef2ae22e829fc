//! What names an image: `ghcr.io/me/shop:1.0`, `ghcr.io/me/shop@sha256:…`, or both at once.

use std::fmt;

use reqwest::Url;
use stoa_capabilities::releases::Digest;

/// What is meant where nothing is said.
const TAG: &str = "latest";
const TAG_CHARS_MAX: usize = 128;
const REPOSITORY_CHARS_MAX: usize = 255;
const EXAMPLE: &str = "it is written like `ghcr.io/me/shop:1.0`, with the registry's host";
/// The registry that goes by another name than its host's.
const DOCKER: &str = "docker.io";
const DOCKER_HOST: &str = "registry-1.docker.io";

/// The name of an image. The registry is always written: none is assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let digest = digest.parse::<Digest>();
                (name, Some(digest.map_err(|error| error.to_string())?))
            }
            None => (text, None),
        };
        let (host, path) = name.split_once('/').ok_or(EXAMPLE)?;
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        let host = parse_host(host)?;
        if repository.len() > REPOSITORY_CHARS_MAX || !repository.split('/').all(is_component) {
            return Err("the name of a repository has lower-case letters, digits, `/`, and `.`, `_` or `-` between \
                        them"
                .to_owned());
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(
                "a tag has up to 128 letters, digits, `_`, `.` and `-`, and does not begin with the last two"
                    .to_owned(),
            );
        }
        Ok(Self {
            host,
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest,
        })
    }

    /// The registry, as people name it.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The repository, as the registry knows it.
    pub(super) fn repository(&self) -> String {
        match (self.host.as_str(), self.repository.contains('/')) {
            (DOCKER, false) => format!("library/{}", self.repository),
            _ => self.repository.clone(),
        }
    }

    pub(super) fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// Whether it names its content.
    pub(crate) fn is_pinned(&self) -> bool {
        self.digest.is_some()
    }

    pub(super) fn tag(&self) -> &str {
        self.tag.as_deref().unwrap_or(TAG)
    }

    /// The name of what it stands for now.
    pub(crate) fn pinned(&self, digest: Digest) -> Self {
        Self {
            digest: Some(digest),
            ..self.clone()
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// Where the API of a registry is, whatever people call it.
pub(super) fn endpoint(host: &str) -> &str {
    match host {
        DOCKER => DOCKER_HOST,
        other => other,
    }
}

/// A registry's host, perhaps with a port. `localhost` apart it has a dot or a port, so that a part of a name is not
/// taken for one.
pub(crate) fn parse_host(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    let is_host = text == "localhost" || text.contains(['.', ':']);
    if !is_host || text.ends_with(':') || !text.chars().all(allowed) {
        return Err(EXAMPLE.to_owned());
    }
    let host = text.to_ascii_lowercase();
    let url = Url::parse(&format!("https://{host}/"));
    match url.is_ok_and(|url| url.host_str().is_some() && url.path() == "/") {
        true => Ok(host),
        false => Err(EXAMPLE.to_owned()),
    }
}

fn is_component(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(plain)
        && text.ends_with(plain)
        && text.chars().all(|c| plain(c) || "._-".contains(c))
        && !text.contains("..")
}

fn is_tag(text: &str) -> bool {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= TAG_CHARS_MAX
        && text.starts_with(first)
        && text.chars().all(|c| first(c) || ".-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn what_names_no_image_is_refused() {
        for text in [
            "",
            "shop",
            "shop:1.0",
            "me/shop",
            "ghcr.io/",
            "ghcr.io/Shop",
            "ghcr.io/me//shop",
            "ghcr.io/../shop",
            "ghcr.io/me/a..b",
            "ghcr.io/-shop",
            "ghcr.io/shop:",
            "ghcr.io/shop:-1",
            "ghcr.io/shop:a b",
            "ghcr.io/shop@sha256:12",
            "ghcr.io/shop@sha512:12",
            "me:secret@ghcr.io/shop",
            "https://ghcr.io/shop",
            "ghcr.io:port/shop",
            "ghcr.io:/shop",
            "ghcr.io?/shop",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
        let long = format!("ghcr.io/{}", "a".repeat(REPOSITORY_CHARS_MAX + 1));
        assert!(Reference::parse(&long).is_err());
        let long = format!("ghcr.io/a:{}", "a".repeat(TAG_CHARS_MAX + 1));
        assert!(Reference::parse(&long).is_err());
    }

    #[test]
    fn an_image_is_named_by_tag_digest_or_both() {
        for text in [
            "ghcr.io/me/shop".to_owned(),
            "localhost/shop:1.0".to_owned(),
            "127.0.0.1:5000/a/b_c/d-e.f:V1_x".to_owned(),
            "[::1]:5000/shop".to_owned(),
            format!("ghcr.io/shop@{DIGEST}"),
            format!("ghcr.io/shop:1@{DIGEST}"),
        ] {
            let reference = Reference::parse(&text).unwrap_or_else(|told| panic!("{text}: {told}"));
            assert_eq!(reference.to_string(), text);
        }
        let shop = Reference::parse("ghcr.io/shop").expect("it is one");
        assert_eq!(shop.tag(), "latest");
        let pinned = shop.pinned(DIGEST.parse().expect("it is one"));
        assert_eq!(pinned.to_string(), format!("ghcr.io/shop@{DIGEST}"));
    }

    #[test]
    fn docker_hub_has_another_host_than_name() {
        let shop = Reference::parse("docker.io/shop").expect("it is one");
        assert_eq!(endpoint(shop.host()), "registry-1.docker.io");
        assert_eq!(shop.repository(), "library/shop");
        let mine = Reference::parse("docker.io/me/shop").expect("it is one");
        assert_eq!(mine.repository(), "me/shop");
    }
}
