//! What is offered to a host: a bundle and its files, wherever they come from.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use stoa_capabilities::releases::Digest;
use stoa_capabilities::variables::Secret;
use stoa_manifest::{App, ComponentId, text};

use crate::admin::messages::Bundle;
use crate::bundle::{self, Files};
use crate::cli::remote::{Offered, Remote};
use crate::commands::{Invalid, Project};
use crate::deploy::signature;
use crate::registry::Image;
use crate::{build, output};

pub(in crate::commands) struct Offer {
    pub(in crate::commands) bundle: Bundle,
    pub(in crate::commands) files: Files,
    /// The components that change; all if there is none.
    pub(in crate::commands) components: Vec<String>,
}

impl Offer {
    /// Builds what lies beside a manifest, reads it, and signs it if that was asked for.
    pub(in crate::commands) fn of_folder(
        remote: &Remote,
        offered: &Offered,
    ) -> anyhow::Result<Self> {
        let project = Project::read(&remote.application(offered.profile.as_deref()))?;
        let Project { app, root, .. } = &project;
        let only = chosen(app, &offered.components)?;
        for warning in &app.warnings {
            output::note(warning);
        }
        if !offered.skip_build {
            build::run(app, root, &bundle::with_parts(app, &only))?;
        }
        let files = bundle::read(app, root, &only).map_err(|problems| Invalid::all(&problems))?;
        let mut bundle = Bundle::new(&project.text, offered.profile.as_deref(), &files);
        if let Some(key) = &offered.sign {
            sign(&mut bundle, key)?;
        }
        Ok(Self {
            bundle,
            files,
            components: only.iter().map(ToString::to_string).collect(),
        })
    }

    /// Takes what an image holds: the signature that came with it, or one of ours if that was asked for.
    pub(in crate::commands) fn of_image(image: Image, offered: &Offered) -> anyhow::Result<Self> {
        let Image {
            mut bundle, files, ..
        } = image;
        let components = match offered.components.is_empty() {
            true => Vec::new(),
            false => {
                let app = bundle
                    .parse()
                    .map_err(|mistakes| Invalid(mistakes.to_string()))?;
                let chosen = chosen(&app, &offered.components)?;
                chosen.iter().map(ToString::to_string).collect()
            }
        };
        if let Some(key) = &offered.sign {
            sign(&mut bundle, key)?;
        }
        Ok(Self {
            bundle,
            files,
            components,
        })
    }

    /// Its files by content, each once.
    pub(super) fn by_digest(&self) -> BTreeMap<Digest, Bytes> {
        let digests = self.bundle.files.iter();
        digests
            .filter_map(|(path, digest)| Some((*digest, self.files.get(path)?.clone())))
            .collect()
    }
}

/// The components of these names, each once.
pub(in crate::commands) fn chosen(
    app: &App,
    names: &[String],
) -> Result<Vec<ComponentId>, Invalid> {
    let mut chosen: Vec<ComponentId> = Vec::new();
    let mut unknown = Vec::new();
    for name in names {
        match app.components.get_key_value(name.as_str()) {
            Some((id, _)) if chosen.contains(id) => {}
            Some((id, _)) => chosen.push(id.clone()),
            None => unknown.push(no_component(app, name)),
        }
    }
    match unknown.is_empty() {
        true => Ok(chosen),
        false => Err(Invalid::all(&unknown)),
    }
}

fn no_component(app: &App, name: &str) -> String {
    let ids = app.components.keys().map(ComponentId::as_str);
    let hint = text::nearest(name, ids).map_or_else(String::new, |meant| {
        format!("\n  = hint: did you mean `{meant}`?")
    });
    format!("the manifest has no component `{name}`{hint}")
}

/// Signs a bundle with a private key in PEM.
pub(in crate::commands) fn sign(bundle: &mut Bundle, key: &Path) -> Result<(), Invalid> {
    let shown = key.display();
    let refused = |reason: String| Invalid(format!("cannot sign with `{shown}`: {reason}"));
    let pem = fs::read_to_string(key).map_err(|error| refused(error.to_string()))?;
    let pem = Secret::new(pem);
    let signature = signature::sign(pem.expose(), &bundle.signed()).map_err(refused)?;
    bundle.signature = Some(signature);
    Ok(())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::admin::messages::Signature;

    const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "shop"
[[trigger.http]]
route = "/a/..."
component = "products"
[[trigger.http]]
route = "/b/..."
component = "orders"
[component.products]
source = "products.wasm"
[component.products.build]
command = "echo built > products.wasm"
[component.orders]
source = "orders.wasm"
[component.orders.build]
command = "false"
"#;

    fn remote(folder: &TempDir) -> Remote {
        fs::write(folder.path().join("spin.toml"), MANIFEST).expect("it can be written");
        Remote {
            file: folder.path().to_owned(),
            state_dir: None,
            host: None,
            token_file: None,
            token: None,
            ca: None,
            client_cert: None,
            client_key: None,
        }
    }

    fn offered(components: &[&str]) -> Offered {
        Offered {
            profile: None,
            components: components.iter().map(ToString::to_string).collect(),
            skip_build: false,
            sign: None,
            allow_new_grants: false,
            allow_contracting: false,
            expected: None,
        }
    }

    #[track_caller]
    fn refused(folder: &TempDir, offered: &Offered) -> anyhow::Error {
        match Offer::of_folder(&remote(folder), offered) {
            Ok(_) => panic!("it is offered, not refused"),
            Err(error) => error,
        }
    }

    fn folder() -> TempDir {
        tempfile::tempdir().expect("a folder can be made")
    }

    #[test]
    fn components_that_are_not_there_are_all_told() {
        let error = refused(&folder(), &offered(&["product", "orders", "zzzzzzzz"]));
        assert!(error.is::<Invalid>());
        assert_eq!(
            error.to_string(),
            "the manifest has no component `product`\n  = hint: did you mean `products`?\n\
             error: the manifest has no component `zzzzzzzz`"
        );
    }

    #[test]
    fn a_failed_build_is_not_bad_input() {
        let error = refused(&folder(), &offered(&["orders"]));
        assert!(!error.is::<Invalid>());
        assert!(
            error.to_string().contains("build command of `orders`"),
            "{error}"
        );
    }

    #[test]
    fn files_that_are_not_there_are_told() {
        let unbuilt = Offered {
            skip_build: true,
            ..offered(&[])
        };
        let error = refused(&folder(), &unbuilt);
        assert!(error.is::<Invalid>());
        assert_eq!(
            error.to_string().matches("cannot read").count(),
            2,
            "{error}"
        );
    }

    #[test]
    fn a_key_that_cannot_be_read_is_told() {
        let folder = folder();
        let signed = Offered {
            sign: Some(folder.path().join("gone.pem")),
            ..offered(&["products"])
        };
        let error = refused(&folder, &signed);
        assert!(error.is::<Invalid>());
        assert!(
            error.to_string().starts_with("cannot sign with `"),
            "{error}"
        );
    }

    #[test]
    fn of_one_component_only_its_files_are_built_and_offered() {
        let folder = folder();
        let offer = Offer::of_folder(&remote(&folder), &offered(&["products", "products"]))
            .unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(offer.components, ["products"]);
        assert_eq!(offer.bundle.manifest, MANIFEST);
        let digest = Digest::of(b"built\n");
        assert_eq!(
            offer.bundle.files,
            BTreeMap::from([("products.wasm".to_owned(), digest)])
        );
        assert_eq!(
            offer.by_digest(),
            BTreeMap::from([(digest, Bytes::from_static(b"built\n"))])
        );
    }

    fn image(profile: Option<&str>) -> Image {
        let mut files = Files::default();
        for path in ["products.wasm", "orders.wasm"] {
            files.insert(path, Bytes::from_static(b"code"));
        }
        let mut bundle = Bundle::new(MANIFEST, profile, &files);
        bundle.signature = Some(Signature {
            key: "theirs".into(),
            value: "theirs".into(),
        });
        Image {
            bundle,
            files,
            digest: Digest::of(b""),
        }
    }

    #[test]
    fn of_an_image_components_that_are_not_there_are_told() {
        let offer = Offer::of_image(image(None), &offered(&["product"]));
        let error = offer.map(drop).expect_err("there is none");
        assert!(error.is::<Invalid>());
        assert!(
            error.to_string().contains("did you mean `products`?"),
            "{error}"
        );
        let offer = Offer::of_image(image(Some("gone")), &offered(&["products"]));
        assert!(offer.map(drop).expect_err("there is none").is::<Invalid>());
    }

    #[test]
    fn an_image_keeps_the_signature_that_it_came_with() {
        let offer = Offer::of_image(image(None), &offered(&["orders"]));
        let offer = offer.unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(offer.components, ["orders"]);
        assert_eq!(offer.bundle, image(None).bundle);
        // One content, two paths.
        assert_eq!(offer.by_digest().len(), 1);
    }
}
