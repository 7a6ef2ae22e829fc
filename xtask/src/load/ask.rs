//! A request that is sent over and over.

use std::net::SocketAddr;

use anyhow::ensure;

use super::clients::Client;
use crate::http::{Request, Response};

#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: Vec<u8>,
}

impl Ask {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: "GET",
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn post(
        path: impl Into<String>,
        content_type: &'static str,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            method: "POST",
            path: path.into(),
            headers: vec![("content-type", content_type)],
            body: body.into(),
        }
    }

    /// Asks once, on a connection of its own. The answer must be a success.
    pub(crate) fn once(&self, address: SocketAddr) -> anyhow::Result<Response> {
        let response = Client::new(address).ask(self)?;
        ensure!(
            (200..300).contains(&response.status()),
            "`{} {}` answered {}",
            self.method,
            self.path,
            response.shown()
        );
        Ok(response)
    }

    pub(super) fn request(&self) -> Request<'_> {
        Request {
            method: self.method,
            path: &self.path,
            headers: &self.headers,
            body: &self.body,
        }
    }

    /// Whether its path says all there is to say.
    pub(super) fn is_plain(&self) -> bool {
        self.method == "GET" && self.headers.is_empty() && self.body.is_empty()
    }
}
