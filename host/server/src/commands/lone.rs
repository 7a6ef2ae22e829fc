//! A file with code and no manifest, as an application: `stoa up -f app.wasm`. As in Spin it answers every request, and is
//! granted nothing.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::Invalid;
use crate::registry::quoted;

/// How code begins; no manifest begins so.
const MAGIC: &[u8] = b"\0asm";

/// Whether a file holds code. What cannot be read is told by whoever reads it.
pub(super) fn is_code(file: &Path) -> bool {
    let mut head = [0; MAGIC.len()];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == MAGIC
}

/// The manifest that it has none of. Paths are relative to the file's folder, as in any manifest.
pub(super) fn manifest(file: &Path) -> Result<String, Invalid> {
    fn name(part: Option<&std::ffi::OsStr>) -> Option<&str> {
        part.and_then(|part| part.to_str())
    }
    let (Some(source), Some(app)) = (name(file.file_name()), name(file.file_stem())) else {
        let shown = file.display();
        return Err(Invalid(format!(
            "the name of `{shown}` is not UTF-8: give it another"
        )));
    };
    let (source, app) = (quoted(source), quoted(app));
    Ok(format!(
        "spin_manifest_version = 2\n\n[application]\nname = {app}\n\n[[trigger.http]]\nroute = \"/...\"\n\
         component = \"component\"\n\n[component.component]\nsource = {source}\n"
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use stoa_manifest::component::Source as Code;
    use stoa_manifest::text::Source;

    use super::*;

    #[test]
    fn what_is_no_code_is_left_to_whoever_reads_manifests() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for (name, bytes) in [
            ("empty", &b""[..]),
            ("short", &b"\0as"[..]),
            ("spin.toml", &b"spin_manifest_version = 2"[..]),
        ] {
            let file = folder.path().join(name);
            fs::write(&file, bytes).expect("it can be written");
            assert!(!is_code(&file), "{name}");
        }
        assert!(!is_code(folder.path()));
        assert!(!is_code(&folder.path().join("gone")));
        let file = folder.path().join("code");
        fs::write(&file, b"\0asm\x0d\0\x01\0").expect("it can be written");
        assert!(is_code(&file));
    }

    #[test]
    fn code_alone_answers_everything_and_may_do_nothing() {
        let file = PathBuf::from("/somewhere/my \"app\".wasm");
        let manifest = manifest(&file).unwrap_or_else(|told| panic!("{told}"));
        let app = stoa_manifest::parse(&Source::new("spin.toml", &*manifest), None)
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(app.name, "my \"app\"");
        assert_eq!(app.routes.len(), 1);
        let component = &app.components["component"];
        let source = Code::Path("my \"app\".wasm".to_owned());
        assert_eq!(component.source, source);
        assert!(component.allowed_outbound_hosts.is_empty());
        assert!(component.grants.keyvalue.is_empty() && component.grants.sql.is_empty());
    }
}
