//! Hosts under `strace`, and the writes that they are asked for.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};

use super::Class;
use super::trace::Trace;
use crate::accept::capabilities_embedded::picture;
use crate::accept::capabilities_embedded::shelf::Shelf;
use crate::accept::shop::catalogue::{PRODUCTS, REQUEST_MAX};
use crate::host::{Host, START_MAX};
use crate::http::{Connection, Request};
use crate::manifest::Mounted;
use crate::process;
use crate::stage::Stage;

/// A write that was answered.
pub(super) struct Write {
    /// Just before it was sent, in microseconds since 1970.
    pub(super) asked_us: u64,
    /// The state directory of its host.
    pub(super) state: PathBuf,
    /// The noun that it writes to, and so where its stores lie in that.
    pub(super) store: &'static str,
}

/// A product goes to the documents, an image to the blobs and then to its product.
pub(super) fn to_shop(stage: &Stage, class: Class) -> anyhow::Result<(Trace, Vec<Write>)> {
    let folder = folder(stage, "shop", class)?;
    let state = folder.join("state");
    let mut up = stage.up_from(&stage.manifest(), &state);
    let stores = ["documents.catalogue", "blobs.media"];
    up.arg("--runtime-config-file")
        .arg(configuration(&folder, class, &stores)?);
    traced(&up, &folder, |address| {
        // What a first request costs, it costs here.
        Shelf::create(address, "POWER-0", 1)?;
        let created = now_us()?;
        let product = Shelf::create(address, "POWER-1", 1)?;
        let uploaded = now_us()?;
        upload(address, &product)?;
        let write = |asked_us: u64, store: &'static str| Write {
            asked_us,
            state: state.clone(),
            store,
        };
        Ok(vec![write(created, "documents"), write(uploaded, "blobs")])
    })
}

/// The shop has no use for a key-value store: a probe has.
pub(super) fn to_probe(stage: &Stage, class: Class) -> anyhow::Result<(Trace, Vec<Write>)> {
    let guest = stage.probe("keyvalue_02")?;
    let name = name("keyvalue", class);
    let probe = Mounted {
        stores: &["default"],
        ..Mounted::new("keyvalue", "/...", &guest)
    };
    let mut up = stage.up(&name, &[probe])?;
    let folder = folder(stage, "keyvalue", class)?;
    up.arg("--runtime-config-file")
        .arg(configuration(&folder, class, &["keyvalue.default"])?);
    traced(&up, &folder, |address| {
        set(address, "first")?;
        let asked_us = now_us()?;
        set(address, "second")?;
        Ok(vec![Write {
            asked_us,
            state: folder.join("state"),
            store: "keyvalue",
        }])
    })
}

/// Runs a host under `strace` while it is asked, and reads what it did.
fn traced(
    up: &Command,
    folder: &Path,
    ask: impl FnOnce(SocketAddr) -> anyhow::Result<Vec<Write>>,
) -> anyhow::Result<(Trace, Vec<Write>)> {
    let file = folder.join("trace");
    let host = Host::start(&mut under_strace(up, &file), START_MAX)?;
    let writes = ask(host.address())?;
    // It writes down the last calls before it ends.
    host.stop()?;
    let text = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
    Ok((Trace::read(&String::from_utf8_lossy(&text)), writes))
}

/// The same command, all of whose threads are watched from their beginning. Signals go to the host: `strace` that
/// writes to a file holds them back from itself.
fn under_strace(up: &Command, file: &Path) -> Command {
    let folder = up.get_current_dir().unwrap_or(Path::new("/"));
    let mut command = process::command("strace", folder);
    command
        .args(["-f", "-qq", "--seccomp-bpf", "-ttt", "-T", "-y", "-e"])
        .arg(format!("trace={}", Trace::CALLS.join(",")))
        .arg("-o")
        .arg(file)
        .arg("--")
        .arg(up.get_program())
        .args(up.get_args());
    command
}

fn folder(stage: &Stage, name: &str, class: Class) -> anyhow::Result<PathBuf> {
    let folder = stage.folder(&self::name(name, class))?;
    // As the kernel names the files in it.
    let canonical = folder.canonicalize();
    canonical.with_context(|| format!("cannot resolve `{}`", folder.display()))
}

fn name(name: &str, class: Class) -> String {
    format!("power-{name}-{}", class.name())
}

/// A runtime configuration with these stores in this class, and without seeds: nothing else is written.
fn configuration(folder: &Path, class: Class, stores: &[&str]) -> anyhow::Result<PathBuf> {
    let mut text = "seed = \"never\"\n".to_owned();
    for store in stores {
        text += &format!("[{store}.embedded]\ndurability = \"{}\"\n", class.name());
    }
    let file = folder.join("runtime-config.toml");
    fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(file)
}

fn upload(address: SocketAddr, product: &str) -> anyhow::Result<()> {
    let uploaded = Connection::open(address, REQUEST_MAX)?.request(&Request {
        method: "POST",
        path: &format!("{PRODUCTS}/{product}/images"),
        headers: &[("content-type", "image/png")],
        body: &picture::png("power "),
    })?;
    ensure!(
        uploaded.status() == 201,
        "the upload answered {}",
        uploaded.shown()
    );
    Ok(())
}

fn set(address: SocketAddr, value: &str) -> anyhow::Result<()> {
    let path = format!("/?api=stoa&op=set&label=default&key=a&value={value}");
    let set = Connection::open(address, REQUEST_MAX)?.get(&path)?;
    ensure!(set.status() == 204, "`GET {path}` answered {}", set.shown());
    Ok(())
}

fn now_us() -> anyhow::Result<u64> {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    u64::try_from(since_1970.as_micros()).context("the clock is far ahead")
}
