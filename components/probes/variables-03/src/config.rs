//! `wasi:config/store`, whose functions do not wait.

use crate::bindings::wasi::config::store::{self, Error};
use probe_kit_03::{Refusal, lines, value};
use stoa_sdk::http::Response;

pub(crate) fn get(name: &str) -> Result<Response, Refusal> {
    let found = store::get(name).map_err(failed)?;
    Ok(value(found.map(String::into_bytes)))
}

pub(crate) fn all() -> Result<Response, Refusal> {
    let line = |(name, value): (String, String)| format!("{name}={value}").into_bytes();
    let all = store::get_all().map_err(failed)?;
    Ok(lines(all.into_iter().map(line)))
}

fn failed(error: Error) -> Refusal {
    match error {
        Error::Upstream(why) => Refusal::failed("upstream", &why),
        Error::Io(why) => Refusal::failed("io", &why),
    }
}
