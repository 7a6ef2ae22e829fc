//! What a host is started with: a folder, an image, or what was deployed to it.

use std::path::Path;

use stoa_manifest::App;

use crate::cli::Up;
use crate::commands::{Folder, Invalid, Project, registry};
use crate::registry::{Image, Reference};

/// What a host is started with.
pub(super) enum Offered {
    /// It serves what was deployed.
    Nothing,
    Folder(Box<Project>, Folder),
    Image(Box<Image>),
}

impl Offered {
    pub(super) fn read(arguments: &Up) -> anyhow::Result<Self> {
        if arguments.deployed {
            return Ok(Self::Nothing);
        }
        if let Some(reference) = image(&arguments.application.from) {
            let problem = match (&arguments.application.profile, arguments.watch) {
                (Some(_), _) => "the profile of an image is the one that it was pushed with",
                (None, true) => "an image does not change: there is nothing to watch",
                (None, false) => {
                    let image = registry::fetch(&reference, arguments.insecure, &arguments.places)?;
                    return Ok(Self::Image(Box::new(image)));
                }
            };
            return Err(Invalid(problem.to_owned()).into());
        }
        let folder = Folder {
            application: arguments.application.clone(),
            components: arguments.components.clone(),
            builds: !(arguments.watch && arguments.skip_build),
        };
        Ok(Self::Folder(Box::new(folder.read()?), folder))
    }

    pub(super) fn root(&self) -> &Path {
        match self {
            Self::Nothing | Self::Image(_) => Path::new("."),
            Self::Folder(project, _) => &project.root,
        }
    }

    pub(super) fn app(&self) -> Result<Option<App>, Invalid> {
        match self {
            Self::Nothing => Ok(None),
            Self::Folder(project, _) => Ok(Some(project.app.clone())),
            Self::Image(image) => {
                let app = image.bundle.parse();
                app.map(Some)
                    .map_err(|mistakes| Invalid(mistakes.to_string()))
            }
        }
    }
}

/// The image that is meant, if no file is. What names files is none, even if there is no such file.
fn image(from: &Path) -> Option<Reference> {
    let text = from.to_str().filter(|_| !from.exists())?;
    let is_file = [".toml", ".wasm"]
        .iter()
        .any(|ending| text.ends_with(ending));
    let reference = Reference::parse(text).ok().filter(|_| !is_file)?;
    let host = reference.host();
    let is_host = host.contains(['.', ':']) || host == "localhost";
    is_host.then_some(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_a_file_is_no_image_even_if_it_is_gone() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let there = folder.path().display().to_string();
        for from in [
            "spin.toml",
            "example.com/spin.toml",
            "example.com/app.wasm",
            "app",
            "shop/app",
            there.as_str(),
        ] {
            assert_eq!(image(Path::new(from)), None, "{from}");
        }
    }

    #[test]
    fn an_image_has_the_host_of_a_registry() {
        for from in [
            "ghcr.io/me/shop:1.0",
            "localhost/shop",
            "127.0.0.1:5000/shop",
        ] {
            let reference = image(Path::new(from));
            assert!(reference.is_some(), "{from}");
        }
    }
}
