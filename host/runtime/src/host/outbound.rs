//! Outbound HTTP: what a component sends, where its manifest lets it, within its limits.
//!
//! One [`Client`] per revision, whose connections all instances share. It follows no redirect, keeps no cookie and
//! decodes no content: a guest sees what the other side answered. What is for the application itself, or for another of
//! its components, does not go to the network, whatever is allowed there: see [`siblings`].

mod answer;
mod client;
mod connect;
mod error;
pub(crate) mod siblings;

use std::sync::{Arc, LazyLock};

use http::{HeaderName, Request, Response};
use http_body_util::BodyExt;
use tracing::{debug, info};
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody,
    WasiHttpHooks,
};

use crate::metrics::RUNTIME_OUTBOUND_REQUESTS_TOTAL;
use crate::request::Tenants;
use crate::revision::Revision;
use answer::AnswerBody;
use client::Timeouts;
use siblings::{Company, Kin, To};

pub(crate) use client::Client;

/// Answers the outgoing requests of one instance.
pub(crate) struct Outbound {
    revision: Arc<Revision>,
    /// Whom it may call. None where its manifest names nobody: then requests pay nothing for it.
    company: Option<Arc<Company>>,
}

impl Outbound {
    /// `tenants` are the requests of the instance: they tell which release it serves.
    pub(crate) fn new(revision: &Arc<Revision>, tenants: &Tenants) -> Self {
        let company = revision.reach.anybody().then(Arc::<Company>::default);
        if let Some(company) = &company {
            tenants.accompany(company);
        }
        Self {
            revision: Arc::clone(revision),
            company,
        }
    }

    /// Sends a request to wherever it is for. Dropping the future, or the body of the answer, ends the exchange.
    pub(crate) fn send(
        &self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> impl Future<Output = Result<Response<WasiBody>, Error>> + Send + use<> {
        let revision = Arc::clone(&self.revision);
        let to = siblings::addressee(request.uri());
        // Looked up now: the instance may start another request before this one is sent.
        let company = self.company.as_ref().filter(|_| to.is_some());
        let kin = company.and_then(|company| company.kin());
        async move {
            let host = request.uri().authority().cloned();
            let outcome = match to {
                Some(to) => inside(&revision, kin, to, request, options).await,
                None => revision.outbound.send(request, options).await,
            };
            let host = host
                .as_ref()
                .map_or("", |authority| shown(authority.as_str()));
            report(&revision, host, &outcome);
            outcome
        }
    }
}

/// Sends a request that stays inside the application. It has a place among the component's requests like any other.
async fn inside(
    revision: &Revision,
    kin: Option<Kin>,
    to: To,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    siblings::check(&revision.reach, &to, &request)?;
    let timeouts = Timeouts::new(options);
    let place = revision.outbound.place(timeouts.connect).await?;
    let answer = siblings::call(kin, to, request, timeouts.first_byte).await?;
    Ok(answer.map(|body| AnswerBody::new(body, timeouts.between_bytes, place).boxed_unsync()))
}

/// Bytes of a host in the log: names are no longer, but guests may write anything.
const SHOWN_BYTES_MAX: usize = 261;

/// An authority as it may be logged: without a name and a password in front of the host, for which a request is refused.
fn shown(authority: &str) -> &str {
    let host = authority.rsplit_once('@');
    let host = host.map_or(authority, |(_, host)| host);
    &host[..host.floor_char_boundary(SHOWN_BYTES_MAX)]
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
        let answer = self.send(request, options);
        // The guest's task owns all of it: when that ends, so does the request.
        Box::new(async move {
            let response = answer.await?;
            // Connections have tasks of their own; there is nothing left for this one to drive.
            let driven: Io = Box::new(std::future::ready(Ok(())));
            Ok((response, driven))
        })
    }
}

fn report(revision: &Revision, host: &str, outcome: &Result<Response<WasiBody>, Error>) {
    let Revision { component, id, .. } = revision;
    let word = outcome.as_ref().map_or_else(error::code, |_| "ok");
    metrics::counter!(RUNTIME_OUTBOUND_REQUESTS_TOTAL, "component" => component.to_string(), "outcome" => word)
        .increment(1);
    let refused = |reason| {
        if let Some(untold) = revision.told.outbound.next() {
            info!(%component, revision = %id, host, reason, untold, "outbound request refused");
        }
    };
    match outcome {
        Ok(_) => {}
        Err(Error::HttpRequestDenied) => refused("it is not allowed"),
        Err(Error::DestinationIpProhibited) => refused("it is in a blocked network"),
        Err(error) => {
            debug!(%component, revision = %id, host, %error, "outbound request failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_logged() {
        assert_eq!(shown("me:hunter2@example.com:80"), "example.com:80");
        assert_eq!(shown("me:hunter2@"), "");
        assert_eq!(shown("example.com"), "example.com");
        assert_eq!(shown(&"a".repeat(1000)).len(), SHOWN_BYTES_MAX);
    }
}
