//! A file from anywhere by HTTPS, whose digest is known beforehand.
//!
//! Nothing is sent along but the request. Without TLS only this machine is asked, and no redirect changes that; however
//! it came, what came is what was meant, or it is not used.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode, Url};
use stoa_capabilities::releases::{Digest, FILE_BYTES_MAX};
use tokio::time::timeout;

use super::connection::{self, Cut, REDIRECTS_MAX, STALL_MAX};
use super::error::Error;
use crate::client::{innermost, is_loopback};

/// For one file, redirects included: the largest one at 300 kB/s.
const DOWNLOAD_MAX: Duration = Duration::from_secs(15 * 60);

/// Fetches the file with this digest.
pub(crate) async fn download(address: &str, digest: Digest) -> Result<Bytes, Error> {
    let what = shown(address);
    let refused = |reason: String| Error::Unfetched {
        what: what.clone(),
        reason,
    };
    let url = Url::parse(address).map_err(|_| refused("it is no address".to_owned()))?;
    if !is_permitted(&url, &url) {
        return Err(refused(
            "write an `https://` address; `http://` is for this machine alone".to_owned(),
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(
            "there must be no name and no password in it".to_owned(),
        ));
    }
    let http = connection::http(&url)?;
    let bytes = timeout(DOWNLOAD_MAX, fetch(&http, url)).await;
    let late = |_| format!("it took longer than {} seconds", DOWNLOAD_MAX.as_secs());
    let bytes = bytes.map_err(late).map_err(&refused)?.map_err(&refused)?;
    match Digest::of(&bytes) {
        actual if actual == digest => Ok(bytes),
        actual => Err(refused(format!(
            "what came is {actual}, not {digest}\n  = hint: if it was meant to change, change `digest` in the manifest"
        ))),
    }
}

/// An address as it may be told: without names, passwords and what else may be a permission.
pub(crate) fn shown(address: &str) -> String {
    match Url::parse(address) {
        Ok(url) => {
            let host = url.host_str().unwrap_or_default();
            let port = url.port().map(|port| format!(":{port}"));
            let port = port.unwrap_or_default();
            format!("{}://{host}{port}{}", url.scheme(), url.path())
        }
        Err(_) => "an address that is none".to_owned(),
    }
}

async fn fetch(http: &reqwest::Client, first: Url) -> Result<Bytes, String> {
    let mut url = first.clone();
    for _ in 0..=REDIRECTS_MAX {
        let response = timeout(STALL_MAX, http.get(url.clone()).send()).await;
        let late = |_| format!("no answer came for {} seconds", STALL_MAX.as_secs());
        let response = response.map_err(late)?;
        let response = response.map_err(|error| innermost(&error.without_url()))?;
        match response.status() {
            StatusCode::OK => return body(response).await,
            status if status.is_redirection() => url = next(&first, &url, &response)?,
            status => return Err(format!("the answer's status is {status}")),
        }
    }
    Err(format!("it redirects more than {REDIRECTS_MAX} times"))
}

fn next(first: &Url, url: &Url, response: &Response) -> Result<Url, String> {
    let location = response.headers().get(LOCATION);
    let next = location.and_then(|value| url.join(value.to_str().ok()?).ok());
    let next = next.ok_or("it does not say where to go on")?;
    match is_permitted(first, &next) {
        true => Ok(next),
        false => Err("it leads where everybody on the way can read along".to_owned()),
    }
}

async fn body(response: Response) -> Result<Bytes, String> {
    let most = FILE_BYTES_MAX as u64;
    let read = connection::read(response, most).await;
    read.map_err(|cut| match cut {
        Cut::Short(reason) => reason,
        Cut::TooLarge => format!("it is larger than {} MiB", most / 1024 / 1024),
    })
}

/// Without TLS only on this machine, and only if it began so.
fn is_permitted(first: &Url, url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => first.scheme() == "http" && is_loopback(first) && is_loopback(url),
        _ => false,
    }
}
