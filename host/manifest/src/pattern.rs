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
    /// `/a/.../b`
    #[error("`{0}` is only allowed as the last segment")]
    InnerWildcard(String),
    /// `/files/*rest`
    #[error("a wildcard has no name; write `*` instead of `{0}`")]
    NamedWildcard(String),
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
    /// Texts and parameters with dots between them, as in `:name.json`; at least two parts and one parameter. The last
    /// part takes what is left of the segment, dots included; those in front of it hold no dot.
    Mixed(Vec<Part>),
}

/// What one part of a segment, between dots, must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Exactly this text.
    Literal(String),
    /// Any text, known to the component by this name: `:name`.
    Parameter(String),
}

/// What a pattern fits, whatever its parameters are called: two patterns of one shape fit the same paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape(String);

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
    /// Reads a route. A missing leading slash is added; a trailing one, and one behind another, is dropped, as in Spin.
    pub fn parse(route: &str) -> Result<Self, Error> {
        let absolute = format!("/{}", route.trim_matches('/'));
        let (path, wildcard) = strip_wildcard(&absolute);
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let path = Self {
            raw: route.to_owned(),
            segments: segments.map(Segment::parse).collect::<Result<_, _>>()?,
            wildcard,
        };
        // Only now, so that another spelling with more slashes is refused too.
        match path.to_string().starts_with(RESERVED_PREFIX) {
            true => Err(Error::Reserved),
            false => Ok(path),
        }
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
        let path = Self {
            raw: String::new(),
            segments: self.segments.iter().map(Segment::nameless).collect(),
            wildcard: self.wildcard,
        };
        // No literal starts with `:`, so that a parameter without its name looks like nothing else.
        Shape(path.to_string())
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
        if text == "..." {
            return Err(Error::InnerWildcard(text.to_owned()));
        }
        let parts: Vec<Part> = text.split('.').map(Part::parse).collect::<Result<_, _>>()?;
        Ok(match parts.as_slice() {
            [Part::Parameter(name)] => Self::Parameter(name.clone()),
            all if all.iter().all(Part::is_literal) => Self::Literal(text.to_owned()),
            _ => Self::Mixed(parts),
        })
    }

    /// The same without the names of parameters.
    fn nameless(&self) -> Self {
        match self {
            Self::Literal(text) => Self::Literal(text.clone()),
            Self::Parameter(_) => Self::Parameter(String::new()),
            Self::Mixed(parts) => Self::Mixed(parts.iter().map(Part::nameless).collect()),
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(text),
            Self::Parameter(name) => write!(f, ":{name}"),
            Self::Mixed(parts) => {
                let parts: Vec<String> = parts.iter().map(Part::to_string).collect();
                f.write_str(&parts.join("."))
            }
        }
    }
}

// === impl Part ===

impl Part {
    fn parse(text: &str) -> Result<Self, Error> {
        match text {
            ":" => Err(Error::NamelessParameter),
            "*" => Err(Error::InnerWildcard(text.to_owned())),
            _ if text.starts_with('*') => Err(Error::NamedWildcard(text.to_owned())),
            // A colon further in is a letter like any other: `/v1/products:import`.
            _ => Ok(match text.strip_prefix(':') {
                Some(name) => Self::Parameter(name.to_owned()),
                None => Self::Literal(text.to_owned()),
            }),
        }
    }

    fn is_literal(&self) -> bool {
        matches!(self, Self::Literal(_))
    }

    fn nameless(&self) -> Self {
        match self {
            Self::Literal(text) => Self::Literal(text.clone()),
            Self::Parameter(_) => Self::Parameter(String::new()),
        }
    }
}

impl fmt::Display for Part {
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
    fn a_parameter_may_be_a_part_between_dots() {
        let path = Path::parse("/files/:name.json").expect("the route is good");
        let parts = vec![
            Part::Parameter("name".to_owned()),
            Part::Literal("json".to_owned()),
        ];
        assert_eq!(path.segments(), [literal("files"), Segment::Mixed(parts)]);
        for route in ["/files/:name.json", "/v.:major.:minor", "/:a..b/..."] {
            assert_eq!(canonical(route), route);
        }
    }

    #[test]
    fn a_segment_without_a_parameter_is_one_literal() {
        let path = Path::parse("/.well-known/security.txt").expect("the route is good");
        let segments = [literal(".well-known"), literal("security.txt")];
        assert_eq!(path.segments(), segments);
    }

    #[test]
    fn a_parameter_needs_a_name() {
        for route in ["/users/:", "/:/...", "/a.:", "/:.json"] {
            assert_eq!(Path::parse(route), Err(Error::NamelessParameter), "{route}");
        }
    }

    #[test]
    fn a_wildcard_has_no_name_and_is_no_part() {
        assert_eq!(
            Path::parse("/*rest"),
            Err(Error::NamedWildcard("*rest".to_owned()))
        );
        assert_eq!(
            Path::parse("/files/a.*"),
            Err(Error::InnerWildcard("*".to_owned()))
        );
        assert_eq!(canonical("/a*b"), "/a*b");
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
    fn empty_segments_are_dropped() {
        assert_eq!(canonical("/a//b"), "/a/b");
        assert_eq!(canonical("//"), "/");
        assert_eq!(canonical("//a//...//"), "/a/...");
    }

    #[test]
    fn the_hosts_own_paths_are_reserved() {
        assert_eq!(
            Path::parse("/.well-known/spin/health"),
            Err(Error::Reserved)
        );
        assert_eq!(Path::parse(".well-known/spin/..."), Err(Error::Reserved));
        assert_eq!(Path::parse("//.well-known//spin/x"), Err(Error::Reserved));
        assert!(Path::parse("/.well-known/security.txt").is_ok());
        assert!(Path::parse("/.well-known/spinning").is_ok());
    }

    #[test]
    fn the_names_of_parameters_do_not_change_the_shape() {
        let shape = |route| Path::parse(route).map(|path| path.shape());
        assert_eq!(shape("/users/:id"), shape("users/:name/"));
        assert_eq!(shape("/:a.json"), shape("/:b.json"));
        assert_ne!(shape("/:a.json"), shape("/:a.:json"));
        assert_ne!(shape("/users/:id"), shape("/users/id"));
        assert_ne!(shape("/users"), shape("/users/..."));
    }
}
