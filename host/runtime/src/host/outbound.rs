//! Outbound HTTP: refused, until a component can be granted hosts.

use std::sync::{Arc, LazyLock};

use http::{HeaderName, Request, Response};
use tracing::info;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody,
    WasiHttpHooks,
};

use crate::revision::Revision;

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
        _: Option<RequestOptions>,
        _: Io,
    ) -> Answer {
        let Revision { component, id, .. } = &*self.revision;
        let host = request
            .uri()
            .authority()
            .map_or("", |authority| authority.as_str());
        info!(%component, revision = %id, host, "outbound request refused, no host is granted");
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}
