//! Which imports a dependency satisfies, by its name.

/// The parts of a name: `package:name/interface@version`, where all but the first may be missing, or a plain word.
struct Name<'n> {
    package: &'n str,
    interface: Option<&'n str>,
    version: Option<&'n str>,
}

impl<'n> Name<'n> {
    fn of(text: &'n str) -> Self {
        let (path, version) = split(text, '@');
        let (package, interface) = split(path, '/');
        Self {
            package,
            interface,
            version,
        }
    }
}

/// Whether a name stands for an import. Spin's rule: whatever the name states must be the same in the import, versions
/// to the letter; what it leaves out may be anything.
pub(super) fn satisfies(name: &str, import: &str) -> bool {
    let (name, import) = (Name::of(name), Name::of(import));
    name.package == import.package
        && stated(name.interface, import.interface)
        && stated(name.version, import.version)
}

fn stated(wanted: Option<&str>, found: Option<&str>) -> bool {
    wanted.is_none() || wanted == found
}

fn split(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, behind)) => (before, Some(behind)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_states_must_be_the_same() {
        for (name, import) in [
            ("a:b/c@0.1.0", "a:b/c"),
            ("a:b/c@0.1.0", "a:b/c@0.1.1"),
            ("a:b/c", "a:b/d@0.1.0"),
            ("a:b/c", "a:b/c-d"),
            ("a:b", "a:c/d"),
            ("a:b", "a:b-c/d"),
            ("a:b@0.1.0", "a:b/c"),
            ("a-b", "a:b/c"),
            ("a:b", "b"),
        ] {
            assert!(!satisfies(name, import), "{name} for {import}");
        }
    }

    #[test]
    fn what_a_name_leaves_out_may_be_anything() {
        for (name, import) in [
            ("a:b/c@0.1.0", "a:b/c@0.1.0"),
            ("a:b/c", "a:b/c@0.1.0"),
            ("a:b/c", "a:b/c"),
            ("a:b", "a:b/c"),
            ("a:b", "a:b/d@0.2.0"),
            ("a:b@0.1.0", "a:b/c@0.1.0"),
            ("a-b", "a-b"),
        ] {
            assert!(satisfies(name, import), "{name} for {import}");
        }
    }
}
