//! `wasi:http` of October 2023: requests and responses are made in one call, whoever breaks the rules is ended, and an
//! error is one of four words.

use std::time::Duration;

use wasmtime::component::{ComponentType, Lift, LinkerInstance, Lower, Resource};
use wasmtime::{StoreContextMut, format_err};
use wasmtime_wasi_http::p2::HeaderError;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host;
use wasmtime_wasi_http::p2::bindings::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, FutureTrailers, HostFields,
    HostFutureIncomingResponse, HostFutureTrailers, HostOutgoingBody, HostOutgoingRequest,
    HostOutgoingResponse, HostResponseOutparam, Method, OutgoingRequest, OutgoingResponse,
    ResponseOutparam, Scheme,
};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use super::TRAILERS_TAKEN;
use crate::host::rc::Outcome;
use crate::instance::State;

/// `error`, with the name of what it stands for.
#[derive(Debug, ComponentType, Lift, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "invalid-url")]
    InvalidUrl(String),
    #[component(name = "timeout-error")]
    Timeout(String),
    #[component(name = "protocol-error")]
    Protocol(String),
    #[component(name = "unexpected-error")]
    Unexpected(String),
}

/// `request-options`, in milliseconds.
#[derive(ComponentType, Lift)]
#[component(record)]
struct Options {
    #[component(name = "connect-timeout-ms")]
    connect: Option<u32>,
    #[component(name = "first-byte-timeout-ms")]
    first_byte: Option<u32>,
    #[component(name = "between-bytes-timeout-ms")]
    between_bytes: Option<u32>,
}

/// What an outgoing request is made of: method, path with query, scheme, authority, headers.
type Parts = (
    Method,
    Option<String>,
    Option<Scheme>,
    Option<String>,
    Resource<Fields>,
);

pub(super) fn types(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    functions!(types, http, {
        "[method]fields.set" (this, name, values) => fields HostFields::set;
        "[method]fields.delete" (this, name) => fields HostFields::delete;
        "[method]fields.append" (this, name, value) => fields HostFields::append;
        "[method]outgoing-request.write" (this) => value HostOutgoingRequest::body;
        "[method]outgoing-response.write" (this) => value HostOutgoingResponse::body;
        "[static]outgoing-body.finish" (this, trailers) => done HostOutgoingBody::finish;
    });
    types.func_wrap(
        "[constructor]fields",
        |mut store: StoreContextMut<'_, State>, (entries,)| {
            let fields = HostFields::from_list(&mut store.data_mut().http(), entries);
            Ok((fields.map_err(fatal)?,))
        },
    )?;
    types.func_wrap(
        "[constructor]outgoing-request",
        |mut store: StoreContextMut<'_, State>, parts: Parts| {
            Ok((request(&mut store.data_mut().http(), parts)?,))
        },
    )?;
    types.func_wrap(
        "[constructor]outgoing-response",
        |mut store: StoreContextMut<'_, State>, (status, headers): (u16, Resource<Fields>)| {
            Ok((response(&mut store.data_mut().http(), status, headers)?,))
        },
    )?;
    outcomes(types)
}

/// October's headers have no errors: what is wrong with them ends the guest.
fn fatal(error: HeaderError) -> wasmtime::Error {
    error
        .downcast()
        .map_or_else(|trap| trap, wasmtime::Error::from)
}

pub(super) fn handler(handler: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    type Sent = (Resource<OutgoingRequest>, Option<Options>);
    handler.func_wrap(
        "handle",
        |mut store: StoreContextMut<'_, State>, (request, options): Sent| {
            let mut http = store.data_mut().http();
            Ok((send(&mut http, request, options)?.map_err(Error::from),))
        },
    )
}

/// Links what ends in a response or an error.
fn outcomes(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    type Answer = (
        Resource<ResponseOutparam>,
        Result<Resource<OutgoingResponse>, Error>,
    );
    types.func_wrap(
        "[static]response-outparam.set",
        |mut store: StoreContextMut<'_, State>, (this, response): Answer| {
            let response = response.map_err(ErrorCode::from);
            HostResponseOutparam::set(&mut store.data_mut().http(), this, response)
        },
    )?;
    types.func_wrap(
        "[method]future-incoming-response.get",
        |mut store: StoreContextMut<'_, State>, (this,): (Resource<FutureIncomingResponse>,)| {
            let response = HostFutureIncomingResponse::get(&mut store.data_mut().http(), this)?;
            let response = response.map(|once| once.map(|outcome| outcome.map_err(Error::from)));
            Ok((response,))
        },
    )?;
    types.func_wrap(
        "[method]future-trailers.get",
        |mut store: StoreContextMut<'_, State>, (this,): (Resource<FutureTrailers>,)| {
            Ok((trailers(&mut store.data_mut().http(), this)?,))
        },
    )
}

/// Where no authority is said, the request is for this application itself. Spin marks such requests by a port without a
/// host, which no request to somewhere else can have.
fn request(
    http: &mut WasiHttpCtxView<'_>,
    (method, path, scheme, authority, headers): Parts,
) -> wasmtime::Result<Resource<OutgoingRequest>> {
    let invalid =
        |what: &'static str| move |()| format_err!("the {what} of a request is not valid");
    let authority = authority.unwrap_or_else(|| match scheme {
        Some(Scheme::Http | Scheme::Other(_)) => ":80".to_owned(),
        Some(Scheme::Https) | None => ":443".to_owned(),
    });
    let headers = HostFields::clone(http, headers)?;
    let request = HostOutgoingRequest::new(http, headers)?;
    let this = || Resource::new_borrow(request.rep());
    HostOutgoingRequest::set_method(http, this(), method)?.map_err(invalid("method"))?;
    HostOutgoingRequest::set_path_with_query(http, this(), path)?.map_err(invalid("path"))?;
    HostOutgoingRequest::set_scheme(http, this(), scheme)?.map_err(invalid("scheme"))?;
    HostOutgoingRequest::set_authority(http, this(), Some(authority))?
        .map_err(invalid("authority"))?;
    Ok(request)
}

fn response(
    http: &mut WasiHttpCtxView<'_>,
    status: u16,
    headers: Resource<Fields>,
) -> wasmtime::Result<Resource<OutgoingResponse>> {
    let headers = HostFields::clone(http, headers)?;
    let response = HostOutgoingResponse::new(http, headers)?;
    let this = Resource::new_borrow(response.rep());
    HostOutgoingResponse::set_status_code(http, this, status)?
        .map_err(|()| format_err!("{status} is no status"))?;
    Ok(response)
}

fn send(
    http: &mut WasiHttpCtxView<'_>,
    request: Resource<OutgoingRequest>,
    options: Option<Options>,
) -> wasmtime::Result<Result<Resource<FutureIncomingResponse>, ErrorCode>> {
    let Some(options) = options else {
        return Host::handle(http, request, None).settled();
    };
    let time = |ms: Option<u32>| ms.map(|ms| Duration::from_millis(ms.into()));
    let options = http.table.push(wasmtime_wasi_http::RequestOptions {
        connect_timeout: time(options.connect),
        first_byte_timeout: time(options.first_byte),
        between_bytes_timeout: time(options.between_bytes),
    })?;
    let sent = Host::handle(http, request, Some(Resource::new_borrow(options.rep())));
    http.table.delete(options)?;
    sent.settled()
}

/// There is no word for no trailers, so they are empty then.
fn trailers(
    http: &mut WasiHttpCtxView<'_>,
    this: Resource<FutureTrailers>,
) -> wasmtime::Result<Option<Result<Resource<Fields>, Error>>> {
    let Some(once) = HostFutureTrailers::get(http, this)? else {
        return Ok(None);
    };
    let trailers = match once {
        Ok(Ok(Some(trailers))) => Ok(trailers),
        Ok(Ok(None)) => Ok(HostFields::new(http)?),
        Ok(Err(code)) => Err(code.into()),
        Err(()) => Err(Error::Unexpected(TRAILERS_TAKEN.to_owned())),
    };
    Ok(Some(trailers))
}

// === impl Error ===

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        let text = code.to_string();
        match code {
            ErrorCode::HttpRequestMethodInvalid
            | ErrorCode::HttpRequestUriInvalid
            | ErrorCode::HttpRequestUriTooLong => Self::InvalidUrl(text),
            ErrorCode::DnsTimeout
            | ErrorCode::ConnectionTimeout
            | ErrorCode::ConnectionReadTimeout
            | ErrorCode::ConnectionWriteTimeout
            | ErrorCode::HttpResponseTimeout => Self::Timeout(text),
            ErrorCode::HttpProtocolError
            | ErrorCode::HttpResponseIncomplete
            | ErrorCode::HttpUpgradeFailed
            | ErrorCode::TlsProtocolError => Self::Protocol(text),
            _ => Self::Unexpected(text),
        }
    }
}

impl From<Error> for ErrorCode {
    fn from(error: Error) -> Self {
        let text = match error {
            Error::InvalidUrl(text) => format!("invalid url: {text}"),
            Error::Timeout(text) => format!("timeout: {text}"),
            Error::Protocol(text) => format!("protocol error: {text}"),
            Error::Unexpected(text) => format!("unexpected error: {text}"),
        };
        Self::InternalError(Some(text))
    }
}
