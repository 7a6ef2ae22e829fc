//! Paths as keys: relative, without detours, and never out of their folder.

/// The folder that holds a host's stores and keys, wherever somebody lets it lie.
const STATE: &str = ".stoa";

/// A path without `.`, `..` and doubled or trailing slashes; empty for the folder itself. None if it is absolute, leads
/// out of the folder, or into a host's state.
pub(super) fn normal(text: &str) -> Option<String> {
    if text.starts_with('/') || text.contains('\0') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    let is_state = parts.iter().any(|part| is_state(part));
    (!is_state).then(|| parts.join("/"))
}

/// Whether a name is that of a host's state, on systems that take two names for one as well.
pub(super) fn is_state(name: &str) -> bool {
    name.eq_ignore_ascii_case(STATE)
}

/// Whether a key is a path that `files` could mean.
pub(super) fn is_plain(key: &str) -> bool {
    !key.is_empty() && normal(key).as_deref() == Some(key)
}

/// What the paths in a folder begin with.
pub(super) fn inside(folder: &str) -> String {
    match folder {
        "" => String::new(),
        folder => format!("{folder}/"),
    }
}
