//! `wasi:http` of both dates in 2023: what `types` of both have in common. A handler of either is one of 0.2.

mod november;
mod october;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::{
    self, ErrorCode, Fields, FutureIncomingResponse, FutureTrailers, HostFields,
    HostFutureIncomingResponse, HostFutureTrailers, HostIncomingBody, HostIncomingRequest,
    HostIncomingResponse, HostOutgoingBody, HostOutgoingRequest, HostOutgoingResponse,
    HostResponseOutparam, IncomingBody, IncomingRequest, IncomingResponse, OutgoingBody,
    OutgoingRequest, OutgoingResponse, ResponseOutparam,
};
use wasmtime_wasi_http::p2::{HeaderError, HttpError};

use super::Outcome;
use crate::instance::State;

/// What either date cannot say of trailers: that somebody has them already.
const TRAILERS_TAKEN: &str = "the trailers were taken before";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut types = linker.instance("wasi:http/types@0.2.0-rc-2023-10-18")?;
    shared(&mut types)?;
    october::types(&mut types)?;
    let mut types = linker.instance("wasi:http/types@0.2.0-rc-2023-11-10")?;
    shared(&mut types)?;
    november::types(&mut types)?;
    october::handler(&mut linker.instance("wasi:http/outgoing-handler@0.2.0-rc-2023-10-18")?)
}

fn shared(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    resources!(types, http, {
        "fields" => Fields, HostFields;
        "incoming-request" => IncomingRequest, HostIncomingRequest;
        "outgoing-request" => OutgoingRequest, HostOutgoingRequest;
        "response-outparam" => ResponseOutparam, HostResponseOutparam;
        "incoming-response" => IncomingResponse, HostIncomingResponse;
        "incoming-body" => IncomingBody, HostIncomingBody;
        "future-trailers" => FutureTrailers, HostFutureTrailers;
        "outgoing-response" => OutgoingResponse, HostOutgoingResponse;
        "outgoing-body" => OutgoingBody, HostOutgoingBody;
        "future-incoming-response" => FutureIncomingResponse, HostFutureIncomingResponse;
    });
    functions!(types, http, {
        "[method]fields.get" (this, name) => value HostFields::get;
        "[method]fields.entries" (this) => value HostFields::entries;
        "[method]fields.clone" (this) => value HostFields::clone;
        "[method]incoming-request.method" (this) => value HostIncomingRequest::method;
        "[method]incoming-request.path-with-query" (this) => value HostIncomingRequest::path_with_query;
        "[method]incoming-request.scheme" (this) => value HostIncomingRequest::scheme;
        "[method]incoming-request.authority" (this) => value HostIncomingRequest::authority;
        "[method]incoming-request.headers" (this) => value HostIncomingRequest::headers;
        "[method]incoming-request.consume" (this) => value HostIncomingRequest::consume;
        "[method]incoming-response.status" (this) => value HostIncomingResponse::status;
        "[method]incoming-response.headers" (this) => value HostIncomingResponse::headers;
        "[method]incoming-response.consume" (this) => value HostIncomingResponse::consume;
        "[method]incoming-body.stream" (this) => value HostIncomingBody::stream;
        "[static]incoming-body.finish" (this) => value HostIncomingBody::finish;
        "[method]future-trailers.subscribe" (this) => value HostFutureTrailers::subscribe;
        "[method]outgoing-body.write" (this) => value HostOutgoingBody::write;
        "[method]future-incoming-response.subscribe" (this) => value HostFutureIncomingResponse::subscribe;
    });
    Ok(())
}

// === impl Outcome ===

impl<T> Outcome for Result<T, HttpError> {
    type Value = T;
    type Error = ErrorCode;

    fn settled(self) -> wasmtime::Result<Result<T, ErrorCode>> {
        match self {
            Ok(value) => Ok(Ok(value)),
            Err(error) => error.downcast().map(Err),
        }
    }
}

impl<T> Outcome for Result<T, HeaderError> {
    type Value = T;
    type Error = types::HeaderError;

    fn settled(self) -> wasmtime::Result<Result<T, types::HeaderError>> {
        match self {
            Ok(value) => Ok(Ok(value)),
            Err(error) => error.downcast().map(Err),
        }
    }
}
