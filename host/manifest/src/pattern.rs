//! Routes: which paths a trigger answers.
//!
//! Only their form is read here; the gateway decides which of several fitting patterns wins.

use std::fmt;

/// Paths that start with this belong to the host: `/health` and `/info` under Spin.
pub const RESERVED_PREFIX: &str = "/.well-known/spin/";

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `/users/:`
    #[error("a parameter has no name")]
    NamelessParameter,
    /// `/a//b`
    #[error("a segment is empty")]
    EmptySegment,
    /// `/a/.../b`
    #[error("`{0}` is only allowed as the last segment")]
    InnerWildcard(String),
    /// The path starts with [`RESERVED_PREFIX`].
    #[error("paths under `/.well-known/spin/` belong to the host")]
    Reserved,
}

/// The `route` of an HTTP trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// Answers requests from outside whose path fits.
    Public(Path),
    /// `{ private = true }`: reached only by other components, as `<component>.spin.internal`.
    Private,
}

/// A pattern for paths: some segments, and perhaps anything below them.
#[derive(Clone, PartialEq, Eq)]
pub struct Path {
    raw: String,
    segments: Vec<Segment>,
    wildcard: bool,
}

/// What one part of a path, between slashes, must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text.
    Literal(String),
    /// Any one segment, known to the component by this name: `:name`.
    Parameter(String),
}

/// What a pattern fits, whatever its parameters are called: two patterns of one shape fit the same paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape {
    segments: Vec<Option<String>>,
    wildcard: bool,
}

// === impl Pattern ===

impl Pattern {
    /// What tells this pattern from others; `None` for a private one, which nothing has to be told from.
    pub fn shape(&self) -> Option<Shape> {
        match self {
            Self::Public(path) => Some(path.shape()),
            Self::Private => None,
        }
    }
}

// === impl Path ===

impl Path {
    /// Reads a route. A missing leading slash is added, a trailing one dropped, as Spin does.
    pub fn parse(route: &str) -> Result<Self, Error> {
        let absolute = if route.starts_with('/') {
            route.to_owned()
        } else {
            format!("/{route}")
        };
        if absolute.starts_with(RESERVED_PREFIX) {
            return Err(Error::Reserved);
        }
        let path = absolute.strip_suffix('/').unwrap_or(&absolute);
        let (path, wildcard) = strip_wildcard(path);
        // The first part is what precedes the leading slash: nothing.
        let segments: Vec<Segment> = path
            .split('/')
            .skip(1)
            .map(Segment::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            raw: route.to_owned(),
            segments,
            wildcard,
        })
    }

    /// The route as it is written in the manifest: what a component sees in `spin-raw-component-route`.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The segments in front of the wildcard, or all of them. `/` has none.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether anything, or nothing, may follow the segments: `/...` or `/*` at the end.
    pub fn wildcard(&self) -> bool {
        self.wildcard
    }

    /// What tells this pattern from others.
    pub fn shape(&self) -> Shape {
        let segments = self
            .segments
            .iter()
            .map(Segment::literal)
            .map(|text| text.map(str::to_owned))
            .collect();
        Shape {
            segments,
            wildcard: self.wildcard,
        }
    }
}

/// The canonical form: one leading slash, no trailing one, `/...` for a wildcard.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            write!(f, "/{segment}")?;
        }
        match (self.wildcard, self.segments.is_empty()) {
            (true, _) => f.write_str("/..."),
            (false, true) => f.write_str("/"),
            (false, false) => Ok(()),
        }
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} as {:?}", self.raw, self.to_string())
    }
}

// === impl Segment ===

impl Segment {
    fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "" => Err(Error::EmptySegment),
            "..." | "*" => Err(Error::InnerWildcard(text.to_owned())),
            ":" => Err(Error::NamelessParameter),
            // A colon further in is a letter like any other: `/v1/products:import`.
            _ => Ok(match text.strip_prefix(':') {
                Some(name) => Self::Parameter(name.to_owned()),
                None => Self::Literal(text.to_owned()),
            }),
        }
    }

    /// The text of a literal; `None` for a parameter.
    pub fn literal(&self) -> Option<&str> {
        match self {
            Self::Literal(text) => Some(text),
            Self::Parameter(_) => None,
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(text),
            Self::Parameter(name) => write!(f, ":{name}"),
        }
    }
}

// === functions ===

fn strip_wildcard(path: &str) -> (&str, bool) {
    match path
        .strip_suffix("/...")
        .or_else(|| path.strip_suffix("/*"))
    {
        Some(path) => (path, true),
        None => (path, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(route: &str) -> String {
        Path::parse(route).expect("the route is good").to_string()
    }

    fn literal(text: &str) -> Segment {
        Segment::Literal(text.to_owned())
    }

    #[test]
    fn exact_routes_have_segments_and_no_wildcard() {
        let path = Path::parse("/users/all").expect("the route is good");
        assert_eq!(path.segments(), [literal("users"), literal("all")]);
        assert!(!path.wildcard());
    }

    #[test]
    fn a_leading_slash_is_added_and_a_trailing_one_dropped() {
        assert_eq!(canonical("users"), "/users");
        assert_eq!(canonical("/users/"), "/users");
        assert_eq!(canonical(""), "/");
        assert_eq!(canonical("/"), "/");
        assert_eq!(
            Path::parse("users/").map(|path| path.raw().to_owned()),
            Ok("users/".to_owned())
        );
    }

    #[test]
    fn both_wildcards_mean_the_same() {
        for (route, shown) in [
            ("/...", "/..."),
            ("/*", "/..."),
            ("/a/...", "/a/..."),
            ("a/*", "/a/..."),
            ("...", "/..."),
        ] {
            assert_eq!(canonical(route), shown);
            assert!(Path::parse(route).is_ok_and(|path| path.wildcard()));
        }
    }

    #[test]
    fn a_colon_in_front_makes_a_parameter() {
        let path = Path::parse("/users/:id/orders").expect("the route is good");
        let id = Segment::Parameter("id".to_owned());
        assert_eq!(path.segments(), [literal("users"), id, literal("orders")]);
    }

    #[test]
    fn a_colon_further_in_is_literal() {
        let path = Path::parse("/v1/products:import").expect("the route is good");
        assert_eq!(path.segments(), [literal("v1"), literal("products:import")]);
    }

    #[test]
    fn a_parameter_needs_a_name() {
        assert_eq!(Path::parse("/users/:"), Err(Error::NamelessParameter));
        assert_eq!(Path::parse("/:/..."), Err(Error::NamelessParameter));
    }

    #[test]
    fn wildcards_come_last() {
        assert_eq!(
            Path::parse("/a/.../b"),
            Err(Error::InnerWildcard("...".to_owned()))
        );
        assert_eq!(
            Path::parse("/*/b"),
            Err(Error::InnerWildcard("*".to_owned()))
        );
        assert_eq!(
            Path::parse("/.../..."),
            Err(Error::InnerWildcard("...".to_owned()))
        );
    }

    #[test]
    fn segments_are_not_empty() {
        assert_eq!(Path::parse("/a//b"), Err(Error::EmptySegment));
        assert_eq!(Path::parse("//"), Err(Error::EmptySegment));
    }

    #[test]
    fn the_hosts_own_paths_are_reserved() {
        assert_eq!(
            Path::parse("/.well-known/spin/health"),
            Err(Error::Reserved)
        );
        assert_eq!(Path::parse(".well-known/spin/..."), Err(Error::Reserved));
        assert!(Path::parse("/.well-known/security.txt").is_ok());
        assert!(Path::parse("/.well-known/spinning").is_ok());
    }

    #[test]
    fn the_names_of_parameters_do_not_change_the_shape() {
        let shape = |route| Path::parse(route).map(|path| path.shape());
        assert_eq!(shape("/users/:id"), shape("users/:name/"));
        assert_ne!(shape("/users/:id"), shape("/users/id"));
        assert_ne!(shape("/users"), shape("/users/..."));
    }
}
