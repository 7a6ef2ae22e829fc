//! `wasi:http/incoming-handler` 0.2.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use http::uri::Scheme;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};
use wasmtime_wasi_http::p2::bindings::exports::wasi::http::incoming_handler::GuestIndices;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme as Said};
use wasmtime_wasi_http::{WasiBody, WasiHttpView};

use super::{Answer, Begun, Call, Export, Outcome};
use crate::instance::State;

/// The export of one component.
pub(crate) struct IncomingHandler(GuestIndices);

impl IncomingHandler {
    pub(crate) fn new(pre: &InstancePre<State>) -> wasmtime::Result<Self> {
        Ok(Self(GuestIndices::new(pre)?))
    }
}

impl Export for IncomingHandler {
    fn begin(&self, request: http::Request<WasiBody>) -> Begun {
        let guest = self.0.clone();
        Begun {
            program: None,
            call: Box::new(Handled { guest, request }),
        }
    }
}

struct Handled {
    guest: GuestIndices,
    request: http::Request<WasiBody>,
}

/// What the guest said in the place of an answer.
type Refused = Arc<Mutex<Option<ErrorCode>>>;

#[async_trait]
impl Call for Handled {
    async fn run(
        self: Box<Self>,
        store: &mut Store<State>,
        instance: &Instance,
        answer: Answer,
    ) -> wasmtime::Result<Outcome> {
        let Self { guest, request } = *self;
        let scheme = match request.uri().scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => Said::Https,
            _ => Said::Http,
        };
        let refused = Refused::default();
        let said = Arc::clone(&refused);
        let guest = guest.load(&mut *store, instance)?;
        let mut http = store.data_mut().http();
        let request = http.new_incoming_request(scheme, request)?;
        let set = http.new_response_outparam_from_callback(move |response| match response {
            // Whoever asked may have left.
            Ok(response) => drop(answer.send(response)),
            Err(code) => *said.lock().unwrap_or_else(PoisonError::into_inner) = Some(code),
        })?;
        guest.call_handle(&mut *store, request, set).await?;
        let mut refused = refused.lock().unwrap_or_else(PoisonError::into_inner);
        match refused.take() {
            None => Ok(Ok(())),
            Some(code) => Ok(Err(format!("{code:?}"))),
        }
    }
}
