//! Packages: what they are called, and which versions of them are meant.

use std::fmt::Display;
use std::str::FromStr;

use semver::{BuildMetadata, Version, VersionReq};

use crate::name;
use crate::text::{Mistake, Value};

/// The name of an import from a package: `namespace:name`, perhaps with `/interface`, perhaps with `@version`.
pub(crate) struct Import<'n> {
    package: &'n str,
    interface: Option<&'n str>,
    version: Option<Version>,
}

// === impl Import ===

impl<'n> Import<'n> {
    /// Takes a name apart; the error says what is wrong with it.
    pub(crate) fn parse(name: &'n str) -> Result<Self, String> {
        let (path, version) = split(name, '@');
        let (package, interface) = split(path, '/');
        if !is_name(package) || interface.is_some_and(|word| !is_word(word)) {
            return Err("write it as `namespace:package/interface@version`".to_owned());
        }
        Ok(Self {
            package,
            interface,
            version: version.map(parse_version).transpose()?,
        })
    }

    /// Whether one thing can be imported by both names: their packages are the same, and neither their interfaces nor
    /// their versions tell them apart. Spin's rule.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let [ours, theirs] = [self, other].map(|import| import.version.as_ref().map(line));
        self.package == other.package
            && !differ(self.interface, other.interface)
            && !differ(ours, theirs)
    }
}

// === functions ===

/// The name of a package: `namespace:name`.
pub(crate) fn read_name(value: Value<'_>) -> Option<String> {
    let report = value.report();
    let written = value.spanned_string()?;
    if is_name(&written.value) {
        return Some(written.value);
    }
    let message = format!("`{}` is not the name of a package", written.value);
    report.refuse(Mistake::new(written.span, message).hint("it is `namespace:name`"))
}

/// One version of a package.
pub(crate) fn read_version(value: Value<'_>) -> Option<String> {
    read_parsed::<Version>(value, "a version")
}

/// The versions of a package that will do.
pub(crate) fn read_requirement(value: Value<'_>) -> Option<String> {
    read_parsed::<VersionReq>(value, "a range of versions")
}

fn read_parsed<T: FromStr<Err: Display>>(value: Value<'_>, what: &str) -> Option<String> {
    let report = value.report();
    let written = value.spanned_string()?;
    match written.value.parse::<T>() {
        Ok(_) => Some(written.value),
        Err(error) => {
            let message = format!("`{}` is not {what}: {error}", written.value);
            report.refuse(Mistake::new(written.span, message))
        }
    }
}

fn parse_version(text: &str) -> Result<Version, String> {
    Version::parse(text).map_err(|error| format!("`{text}` is not a version: {error}"))
}

fn split(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, behind)) => (before, Some(behind)),
        None => (text, None),
    }
}

fn is_name(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(namespace, name)| is_word(namespace) && is_word(name))
}

/// Unlike the ids of components, these are labels of the component model, which hold no `:`.
fn is_word(text: &str) -> bool {
    !text.contains(':') && name::words(text, '-').is_ok()
}

/// What all versions that can stand for this one have in common, by the rules of semantic versioning.
fn line(version: &Version) -> Version {
    if !version.pre.is_empty() {
        let build = BuildMetadata::EMPTY;
        return Version {
            build,
            ..version.clone()
        };
    }
    match (version.major, version.minor, version.patch) {
        (0, 0, patch) => Version::new(0, 0, patch),
        (0, minor, _) => Version::new(0, minor, 0),
        (major, _, _) => Version::new(major, 0, 0),
    }
}

/// Whether both are known and not the same.
fn differ<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a != b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlap(a: &str, b: &str) -> bool {
        let import = |name| Import::parse(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        import(a).overlaps(&import(b))
    }

    #[test]
    fn names_have_two_words_and_perhaps_an_interface_and_a_version() {
        for name in ["a:b", "a:b/c", "a:b@0.1.0", "a-b:c/d-e@1.0.0-rc.1"] {
            assert!(Import::parse(name).is_ok(), "{name}");
        }
        for name in ["a:", ":b", "a:b:c", "a/b", "a:b/", "a:b/c/d", "a:b/c:d"] {
            assert!(Import::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_version_of_a_name_is_whole() {
        for name in ["a:b@", "a:b@1", "a:b@^1.0.0", "a:b@1.0.0@2.0.0"] {
            let error = Import::parse(name).err();
            assert!(error.is_some_and(|error| error.contains("is not a version")));
        }
    }

    #[test]
    fn a_whole_package_overlaps_with_its_parts() {
        assert!(overlap("a:b", "a:b/c"));
        assert!(overlap("a:b", "a:b@1.0.0"));
        assert!(overlap("a:b/c", "a:b/c@1.0.0"));
        assert!(!overlap("a:b", "a:c"));
    }

    #[test]
    fn interfaces_tell_names_apart() {
        assert!(!overlap("a:b/c", "a:b/d"));
        assert!(!overlap("a:b/c@1.0.0", "a:b/d@1.0.0"));
    }

    #[test]
    fn versions_tell_names_apart_if_one_cannot_stand_for_the_other() {
        assert!(!overlap("a:b@1.0.0", "a:b@2.0.0"));
        assert!(!overlap("a:b@0.1.0", "a:b@0.2.0"));
        assert!(!overlap("a:b@0.0.1", "a:b@0.0.2"));
        assert!(!overlap("a:b@1.0.0-rc.1", "a:b@1.0.0-rc.2"));
        assert!(overlap("a:b@1.0.0", "a:b@1.2.3"));
        assert!(overlap("a:b@0.1.0", "a:b@0.1.9"));
        assert!(overlap("a:b/c@1.0.0+x", "a:b/c@1.0.0"));
    }
}
