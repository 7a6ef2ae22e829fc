//! `wasi:http/types` of November 2023: that of 0.2.0, but that timeouts are in milliseconds and that trailers do not tell
//! whether somebody took them before.

use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource, ResourceType};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::{
    ErrorCode, FutureTrailers, Host, HostFields, HostFutureIncomingResponse, HostFutureTrailers,
    HostOutgoingBody, HostOutgoingRequest, HostOutgoingResponse, HostRequestOptions,
    HostResponseOutparam, RequestOptions,
};

use super::TRAILERS_TAKEN;
use crate::host::rc::Outcome;
use crate::instance::State;

const NS_PER_MS: u64 = 1_000_000;

/// Links a timeout's getter and setter: `"get", "set" => getter, setter`. Their type says nanoseconds and their name says
/// milliseconds, which is how they were taken.
macro_rules! timeouts {
    ($instance:ident, { $($get:literal, $set:literal => $getter:ident, $setter:ident;)* }) => {$(
        $instance.func_wrap($get, |mut store: StoreContextMut<'_, State>, (this,)| {
            let time = HostRequestOptions::$getter(&mut store.data_mut().http(), this)?;
            Ok((time.map(|ns| ns / NS_PER_MS),))
        })?;
        $instance.func_wrap($set, |mut store: StoreContextMut<'_, State>, (this, ms): (_, Option<u64>)| {
            let time = ms.map(|ms| ms.saturating_mul(NS_PER_MS));
            Ok((HostRequestOptions::$setter(&mut store.data_mut().http(), this, time)?,))
        })?;
    )*};
}

pub(super) fn types(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    functions!(types, http, {
        "http-error-code" (error) => value Host::http_error_code;
        "[constructor]fields" () => value HostFields::new;
        "[static]fields.from-list" (entries) => word HostFields::from_list;
        "[method]fields.set" (this, name, values) => word HostFields::set;
        "[method]fields.delete" (this, name) => word HostFields::delete;
        "[method]fields.append" (this, name, value) => word HostFields::append;
        "[static]response-outparam.set" (this, response) => done HostResponseOutparam::set;
        "[constructor]outgoing-response" (headers) => value HostOutgoingResponse::new;
        "[method]outgoing-response.status-code" (this) => value HostOutgoingResponse::status_code;
        "[method]outgoing-response.set-status-code" (this, status) => value HostOutgoingResponse::set_status_code;
        "[method]outgoing-response.headers" (this) => value HostOutgoingResponse::headers;
        "[method]outgoing-response.body" (this) => value HostOutgoingResponse::body;
        "[static]outgoing-body.finish" (this, trailers) => word HostOutgoingBody::finish;
        "[method]future-incoming-response.get" (this) => value HostFutureIncomingResponse::get;
    });
    requests(types)?;
    options(types)?;
    trailers(types)
}

fn requests(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    functions!(types, http, {
        "[constructor]outgoing-request" (headers) => value HostOutgoingRequest::new;
        "[method]outgoing-request.body" (this) => value HostOutgoingRequest::body;
        "[method]outgoing-request.method" (this) => value HostOutgoingRequest::method;
        "[method]outgoing-request.set-method" (this, method) => value HostOutgoingRequest::set_method;
        "[method]outgoing-request.path-with-query" (this) => value HostOutgoingRequest::path_with_query;
        "[method]outgoing-request.set-path-with-query" (this, path) => value HostOutgoingRequest::set_path_with_query;
        "[method]outgoing-request.scheme" (this) => value HostOutgoingRequest::scheme;
        "[method]outgoing-request.set-scheme" (this, scheme) => value HostOutgoingRequest::set_scheme;
        "[method]outgoing-request.authority" (this) => value HostOutgoingRequest::authority;
        "[method]outgoing-request.set-authority" (this, authority) => value HostOutgoingRequest::set_authority;
        "[method]outgoing-request.headers" (this) => value HostOutgoingRequest::headers;
    });
    Ok(())
}

fn options(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    resources!(types, http, { "request-options" => RequestOptions, HostRequestOptions; });
    functions!(types, http, { "[constructor]request-options" () => value HostRequestOptions::new; });
    timeouts!(types, {
        "[method]request-options.connect-timeout-ms", "[method]request-options.set-connect-timeout-ms" =>
            connect_timeout, set_connect_timeout;
        "[method]request-options.first-byte-timeout-ms", "[method]request-options.set-first-byte-timeout-ms" =>
            first_byte_timeout, set_first_byte_timeout;
        "[method]request-options.between-bytes-timeout-ms", "[method]request-options.set-between-bytes-timeout-ms" =>
            between_bytes_timeout, set_between_bytes_timeout;
    });
    Ok(())
}

fn trailers(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]future-trailers.get",
        |mut store: StoreContextMut<'_, State>, (this,): (Resource<FutureTrailers>,)| {
            let trailers = HostFutureTrailers::get(&mut store.data_mut().http(), this)?;
            let taken = || ErrorCode::InternalError(Some(TRAILERS_TAKEN.to_owned()));
            let trailers = trailers.map(|once| once.unwrap_or_else(|()| Err(taken())));
            Ok((trailers,))
        },
    )
}
