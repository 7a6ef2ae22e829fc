//! Loads the manifest's seeds, each once per state directory: through the route a client would use, before any client
//! can.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use stoa_gateway::Routes;
use stoa_manifest::seed::Seed;
use stoa_runtime::{Core, Handler, RequestBodyError};
use tracing::info;

use crate::commands::{Invalid, Project};
use crate::deploy::Prepared;
use crate::state::State;

/// Sends every seed that was not sent before. One that fails is sent again at the next start: whoever takes seeds must
/// be idempotent.
pub(crate) async fn load(
    project: &Project,
    release: &Prepared,
    core: &Core,
    state: &State,
) -> anyhow::Result<()> {
    let folder = state.folder().join("seeded");
    for seed in &project.app.seeds {
        let marker = folder.join(&seed.name);
        if marker.exists() {
            continue;
        }
        send(project, release, core, seed)
            .await
            .with_context(|| format!("the seed `{}` was not loaded", seed.name))?;
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&marker, ""))
            .context("cannot remember a seed")?;
        info!(seed = seed.name, file = seed.file, "seed loaded");
    }
    Ok(())
}

async fn send(
    project: &Project,
    release: &Prepared,
    core: &Core,
    seed: &Seed,
) -> anyhow::Result<()> {
    let body = read(&project.root.join(&seed.file))?;
    let routes = Routes::new(&release.app.routes);
    let Some(component) = routes.component(&seed.path) else {
        return Err(Invalid(format!(
            "no component answers the path `{}` of the seed",
            seed.path
        ))
        .into());
    };
    let service = release.services.get(component);
    let service = service.context("its component is not deployed")?;
    // Not one of those that serve: their work is done on their own cores.
    let handler = Handler::new(service.revision(), core);
    let body = Full::new(body).map_err(|never| -> RequestBodyError { match never {} });
    let request = Request::builder()
        .method(Method::POST)
        .uri(&seed.path)
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, &seed.content_type)
        .body(body)
        .map_err(|error| Invalid(format!("its path or content type is not valid: {error}")))?;
    let response = handler.handle(request).await?;
    let status = response.status();
    // The answer is read to its end: a report that streams is the sign that all was taken.
    let answer = response.into_body().collect().await?.to_bytes();
    match status.is_success() {
        true => Ok(()),
        false => bail!(
            "`{}` answered {status}: {}",
            seed.path,
            String::from_utf8_lossy(&answer)
        ),
    }
}

fn read(path: &Path) -> Result<Bytes, Invalid> {
    fs::read(path)
        .map(Bytes::from)
        .map_err(|error| Invalid(format!("cannot read `{}`: {error}", path.display())))
}
