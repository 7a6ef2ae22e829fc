//! `stoa registry`: applications go to registries of images, and come from there.

use std::io::{self, IsTerminal, Read};

use stoa_capabilities::variables::Secret;

use super::deploy::sign;
use super::{Invalid, Project, bundled};
use crate::cli::registry::{Command, Login, Places, Pull, Push};
use crate::client::show;
use crate::progress::Step;
use crate::registry::credentials::Credentials;
use crate::registry::{self, Error, Image, Purpose, Reference, Registry};
use crate::{build, cli, output, wiring};

/// Bytes of a password.
const PASSWORD_BYTES_MAX: u64 = 64 * 1024;

pub(crate) fn registry(arguments: &cli::registry::Registry) -> anyhow::Result<()> {
    match &arguments.command {
        Command::Push(push) => self::push(push),
        Command::Pull(pull) => self::pull(pull),
        Command::Login(login) => self::login(login),
    }
}

fn push(arguments: &Push) -> anyhow::Result<()> {
    let reference = &arguments.reference;
    if reference.is_pinned() {
        let told =
            format!("`{reference}` names a digest, and what is pushed has its own: name a tag");
        return Err(Invalid(told).into());
    }
    let project = Project::read(&arguments.application)?;
    for warning in &project.app.warnings {
        output::note(warning);
    }
    // Before the build: what no host serves is told at once.
    wiring::check_supported(&project.app).map_err(|missing| Invalid::all(&missing))?;
    // Asked for credentials before the build too.
    let mut registry = open(
        reference,
        Purpose::Push,
        arguments.insecure,
        &arguments.places,
    )?;
    if !arguments.skip_build {
        build::run(&project.app, &project.root, &[])?;
    }
    let (mut bundle, files) = bundled(&project)?;
    if let Some(key) = &arguments.sign {
        sign(&mut bundle, key)?;
    }
    let lock = registry::lock(&project.app, &files);
    if let Err(problems) = &lock {
        let problems = problems.join("\n  ");
        output::note(format_args!(
            "Spin cannot run this image, Stoa can:\n  {problems}"
        ));
    }
    let step = Step::announce(format!("Pushing to {reference}"));
    let work = registry::push(&mut registry, &bundle, &files, lock.as_ref().ok());
    let pushed = registry::wait(work)?;
    step.done(&format!("sent {} of {} blobs", pushed.sent, pushed.all));
    output::line(reference.pinned(pushed.digest));
    Ok(())
}

fn pull(arguments: &Pull) -> anyhow::Result<()> {
    let places = &arguments.places;
    let image = fetch(&arguments.reference, arguments.insecure, places)?;
    registry::folder::write(&image, &arguments.to)?;
    if let Some(profile) = &image.bundle.profile {
        let profile = show::plain(profile);
        output::note(format_args!("It was pushed with `--profile {profile}`"));
    }
    output::line(arguments.reference.pinned(image.digest));
    Ok(())
}

/// Pulls an image into memory.
pub(super) fn fetch(
    reference: &Reference,
    insecure: bool,
    places: &Places,
) -> anyhow::Result<Image> {
    let mut registry = open(reference, Purpose::Pull, insecure, places)?;
    let step = Step::announce(format!("Pulling {reference}"));
    let image = registry::wait(registry::pull(&mut registry))?;
    let size: usize = image.files.iter().map(|(_, bytes)| bytes.len()).sum();
    step.done(&format!("{} in files", show::bytes(size as u64)));
    Ok(image)
}

fn open(
    reference: &Reference,
    purpose: Purpose,
    insecure: bool,
    places: &Places,
) -> anyhow::Result<Registry> {
    let credentials = places.resolve().find(reference.host());
    credentials
        .map_err(Error::Credentials)
        .and_then(|found| Registry::new(reference.clone(), purpose, insecure, found))
        .map_err(Error::told)
}

fn login(arguments: &Login) -> anyhow::Result<()> {
    let Login {
        host,
        username,
        insecure,
        places,
    } = arguments;
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let told = "a terminal would show the password: pass it on, as in `stoa registry login … < password-file`";
        return Err(Invalid(told.to_owned()).into());
    }
    let credentials = Credentials {
        username: username.clone(),
        password: password(stdin.lock())?,
    };
    registry::wait(registry::check_login(host, *insecure, credentials.clone()))?;
    let file = places.resolve().keep(host, &credentials);
    let file = file.map_err(|reason| anyhow::anyhow!("the password is not kept: {reason}"))?;
    output::note(format_args!("Kept in `{}`", file.display()));
    Ok(())
}

/// The line that a password is, or all of it.
fn password(input: impl Read) -> Result<Secret, Invalid> {
    let refused = |reason: &str| Invalid(format!("no password on standard input: {reason}"));
    let mut text = String::new();
    let read = input.take(PASSWORD_BYTES_MAX).read_to_string(&mut text);
    let text = Secret::new(text);
    read.map_err(|error| refused(&error.to_string()))?;
    match text.expose().trim_end_matches(['\r', '\n']) {
        "" => Err(refused("it is empty")),
        password if password.contains(char::is_control) => {
            Err(refused("it has more than one line"))
        }
        password => Ok(Secret::new(password)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_password_is_refused_and_not_shown() {
        for text in ["", "\n", "\r\n", "hunter2\nhunter3\n", "hunter2\0"] {
            let told = password(text.as_bytes()).map(drop).expect_err("it is none");
            assert!(!told.to_string().contains("hunter"), "{told}");
        }
        assert!(password(&[0xff][..]).is_err());
    }

    #[test]
    fn a_password_ends_with_its_line() {
        for text in ["hunter2", "hunter2\n", "hunter2\r\n"] {
            let password = password(text.as_bytes()).expect("it is one");
            assert_eq!(password.expose(), "hunter2");
        }
    }
}
