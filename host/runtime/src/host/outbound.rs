//! Outbound HTTP: what a component sends, where its manifest lets it, within its limits.
//!
//! One [`Client`] per revision, whose connections all instances share. It follows no redirect, keeps no cookie and
//! decodes no content: a guest sees what the other side answered.

mod answer;
mod client;
mod connect;
mod error;
mod tls;

use std::sync::{Arc, LazyLock};

use http::{HeaderName, Request, Response};
use tracing::{debug, info};
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody,
    WasiHttpHooks,
};

use crate::metrics::RUNTIME_OUTBOUND_REQUESTS_TOTAL;
use crate::revision::Revision;

pub(crate) use client::Client;

/// Answers a component's outgoing requests.
pub(crate) struct Outbound {
    revision: Arc<Revision>,
}

impl Outbound {
    pub(crate) fn new(revision: &Arc<Revision>) -> Self {
        Self {
            revision: Arc::clone(revision),
        }
    }
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Box<dyn Future<Output = Result<(Response<WasiBody>, Io), Error>> + Send>;

/// Built once: the library's own default makes one per header.
static FORBIDDEN: LazyLock<ForbiddenHeaderFilter> =
    LazyLock::new(|| Arc::new(|name| DEFAULT_FORBIDDEN_HEADERS.contains(name)));

impl WasiHttpHooks for Outbound {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        DEFAULT_FORBIDDEN_HEADERS.contains(name)
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::clone(&FORBIDDEN)
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Io,
    ) -> Answer {
        let revision = Arc::clone(&self.revision);
        // The guest's task owns all of it: when that ends, so does the request.
        Box::new(async move {
            let host = request.uri().authority().cloned();
            let outcome = revision.outbound.send(request, options).await;
            let host = host.as_ref().map_or("", |authority| authority.as_str());
            report(&revision, host, &outcome);
            // Connections have tasks of their own; there is nothing left for this one to drive.
            let driven: Io = Box::new(std::future::ready(Ok(())));
            outcome.map(|response| (response, driven))
        })
    }
}

fn report(revision: &Revision, host: &str, outcome: &Result<Response<WasiBody>, Error>) {
    let Revision { component, id, .. } = revision;
    let word = outcome.as_ref().map_or_else(error::code, |_| "ok");
    metrics::counter!(RUNTIME_OUTBOUND_REQUESTS_TOTAL, "component" => component.to_string(), "outcome" => word)
        .increment(1);
    match outcome {
        Ok(_) => {}
        Err(Error::HttpRequestDenied) => {
            info!(%component, revision = %id, host, "outbound request refused, the host is not allowed");
        }
        Err(Error::DestinationIpProhibited) => {
            info!(%component, revision = %id, host, "outbound request refused, the host is in a blocked network");
        }
        Err(error) => {
            debug!(%component, revision = %id, host, %error, "outbound request failed");
        }
    }
}
