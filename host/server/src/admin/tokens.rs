//! Bearer tokens: the host's own, made at the first start, and those of the configuration. Only their digests are kept.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Digest, SHA256, digest};

use super::config::Config;
use crate::commands::Invalid;
use crate::file;

/// The host's own token in the state directory.
pub(crate) const FILE: &str = "admin.token";
/// Who uses the host's own token.
pub(super) const LOCAL: &str = "local";
/// Who has neither token nor certificate.
pub(super) const NOBODY: &str = "nobody";
/// Before the name of whoever has a certificate.
pub(super) const CERTIFICATE: &str = "cert:";

/// Random bytes of a token that this host makes.
const TOKEN_BYTES: usize = 32;
/// Bytes that a configured token has at least: it must not be found by trying.
const TOKEN_BYTES_MIN: usize = 16;
/// Bytes that a token's file has at most.
const FILE_BYTES_MAX: u64 = 4096;
/// Mode bits of the token that this host makes: its owner may use it.
const MODE: u32 = 0o600;
/// Mode bits of a file that others than its owner may use.
const OTHERS: u32 = 0o077;

/// Whose tokens are accepted.
pub(super) struct Tokens(Vec<Token>);

struct Token {
    owner: String,
    digest: Digest,
}

impl Tokens {
    /// Reads all tokens; makes the host's own where there is none.
    pub(super) fn load(config: &Config, state_folder: &Path) -> anyhow::Result<Self> {
        let mut tokens = Self(Vec::new());
        tokens.add(LOCAL, &local(&state_folder.join(FILE))?)?;
        for (name, file) in &config.tokens {
            tokens.add(name, &configured(name, file)?)?;
        }
        Ok(tokens)
    }

    fn add(&mut self, owner: &str, token: &str) -> Result<(), Invalid> {
        if let Some(other) = self.owner(token) {
            return Err(Invalid(format!(
                "the admin tokens of `{other}` and `{owner}` are the same: nobody could tell who did what"
            )));
        }
        self.0.push(Token {
            owner: owner.to_owned(),
            digest: digest(&SHA256, token.as_bytes()),
        });
        Ok(())
    }

    /// Whose token this is. All are compared whole, so that the time tells nothing.
    pub(super) fn owner(&self, presented: &str) -> Option<&str> {
        let presented = digest(&SHA256, presented.as_bytes());
        self.0.iter().fold(None, |found, token| {
            let equal = verify_slices_are_equal(token.digest.as_ref(), presented.as_ref());
            equal.map(|()| token.owner.as_str()).ok().or(found)
        })
    }
}

/// Bytes in hexadecimal.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The host's own token.
fn local(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    match File::open(path) {
        Ok(file) => existing(file, path),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            create(path).with_context(|| format!("cannot make the admin token `{shown}`"))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read the admin token `{shown}`")),
    }
}

fn existing(file: File, path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    // Of the open file, not of whatever stands at its path a moment later.
    if file
        .metadata()
        .context("cannot look at the admin token")?
        .mode()
        & OTHERS
        != 0
    {
        return Err(Invalid(format!(
            "others may read the admin token `{shown}`: remove it to have a new one made, or `chmod 600` it if nobody did"
        ))
        .into());
    }
    let token = read(file).with_context(|| format!("cannot read the admin token `{shown}`"))?;
    let good = token.len() == 2 * TOKEN_BYTES && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    match good {
        true => Ok(token),
        false => Err(Invalid(format!(
            "`{shown}` is no admin token of this host: remove it to have one made"
        ))
        .into()),
    }
}

fn create(path: &Path) -> anyhow::Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("no randomness"))?;
    let token = hexadecimal(&bytes);
    file::replace(path, &token, MODE)?;
    Ok(token)
}

/// A token of the configuration. Its file is the user's: secrets are often mounted so that others may read them.
fn configured(name: &str, path: &Path) -> Result<String, Invalid> {
    let refused = |why: String| {
        let shown = path.display();
        Err(Invalid(format!(
            "the admin token `{name}` in `{shown}` {why}"
        )))
    };
    let token = match File::open(path).and_then(read) {
        Ok(token) => token,
        Err(error) => return refused(format!("cannot be read: {error}")),
    };
    if token.len() < TOKEN_BYTES_MIN {
        return refused(format!("is shorter than {TOKEN_BYTES_MIN} bytes"));
    }
    match token.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(token),
        false => refused("has characters that no header can carry".into()),
    }
}

fn read(file: File) -> std::io::Result<String> {
    let mut text = String::new();
    let bytes = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    match bytes as u64 > FILE_BYTES_MAX {
        true => Err(std::io::Error::new(
            ErrorKind::InvalidData,
            "it is too large",
        )),
        false => Ok(text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder can be made")
    }

    fn refusal(config: &Config, state: &Path) -> String {
        let refused = Tokens::load(config, state).err().expect("it is refused");
        assert!(refused.is::<Invalid>(), "{refused:#}");
        format!("{refused:#}")
    }

    fn with_token(path: &Path, text: &str) -> Config {
        fs::write(path, text).expect("it can be written");
        Config {
            tokens: [("ci".to_owned(), path.to_owned())].into(),
            ..Config::default()
        }
    }

    #[test]
    fn a_token_that_others_may_read_is_refused_and_never_shown() {
        let folder = folder();
        Tokens::load(&Config::default(), folder.path()).expect("one is made");
        let path = folder.path().join(FILE);
        let token = fs::read_to_string(&path).expect("it is there");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("it is ours");
        let told = refusal(&Config::default(), folder.path());
        assert!(told.contains("others may read"), "{told}");
        assert!(!told.contains(&token), "{told}");
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let folder = folder();
        let path = folder.path().join(FILE);
        fs::write(&path, "").expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
        let told = refusal(&Config::default(), folder.path());
        assert!(told.contains("is no admin token"), "{told}");
    }

    #[test]
    fn configured_tokens_that_are_short_unusable_or_missing_are_refused() {
        let folder = folder();
        let path = folder.path().join("ci");
        let missing = Config {
            tokens: [("ci".to_owned(), path.clone())].into(),
            ..Config::default()
        };
        assert!(refusal(&missing, folder.path()).contains("cannot be read"));
        let cases = [
            ("fifteen-bytes-x\n\n\n\n", "shorter than 16"),
            ("sixteen bytes and a space", "no header can carry"),
        ];
        for (text, why) in cases {
            let told = refusal(&with_token(&path, text), folder.path());
            assert!(told.contains(why), "{told}");
            assert!(!told.contains(text.trim()), "{told}");
        }
    }

    #[test]
    fn two_owners_of_one_token_are_refused() {
        let folder = folder();
        Tokens::load(&Config::default(), folder.path()).expect("one is made");
        let token = fs::read_to_string(folder.path().join(FILE)).expect("it is there");
        let config = with_token(&folder.path().join("ci"), &token);
        assert!(refusal(&config, folder.path()).contains("are the same"));
    }

    #[test]
    fn it_is_made_once_for_its_owner_alone() {
        let folder = folder();
        let path = folder.path().join(FILE);
        let config = with_token(
            &folder.path().join("ci"),
            "  a token of sorts\n".replace(' ', "-").as_str(),
        );
        // A start that was killed on the way.
        fs::write(folder.path().join("admin.token.new"), "hal").expect("it can be written");
        let first = Tokens::load(&config, folder.path()).expect("one is made");
        let token = fs::read_to_string(&path).expect("it is there");
        let mode = fs::metadata(&path).expect("it is there").mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(token.len(), 64);
        assert_eq!(first.owner(&token), Some(LOCAL));
        assert_eq!(first.owner("--a-token-of-sorts"), Some("ci"));
        assert_eq!(first.owner(&token[..63]), None);
        assert_eq!(first.owner(""), None);
        let second = Tokens::load(&config, folder.path()).expect("it is read");
        assert_eq!(second.owner(&token), Some(LOCAL));
    }
}
