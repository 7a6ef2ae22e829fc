//! What a guest is told of a request that failed: which case it is, and nothing of this host.

use std::error::Error as StdError;
use std::io;

use hyper_util::client::legacy;
use stoa_capabilities::network;
use wasmtime_wasi_http::Error;

/// A short stable word for metrics.
pub(super) fn code(error: &Error) -> &'static str {
    match error {
        Error::HttpRequestDenied => "denied",
        Error::DestinationIpProhibited => "prohibited",
        Error::ConnectionLimitReached => "limit",
        Error::ConnectionTimeout | Error::HttpResponseTimeout => "timeout",
        _ => "failed",
    }
}

/// Why there is no answer.
pub(super) fn of_request(error: &legacy::Error) -> Error {
    causes(error)
        .find_map(known)
        .unwrap_or(Error::HttpProtocolError)
}

/// Why an answer broke off.
pub(super) fn of_body(error: &hyper::Error) -> Error {
    causes(error)
        .find_map(known)
        .unwrap_or(Error::HttpProtocolError)
}

/// An error and all that caused it, the root last.
fn causes<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn known(cause: &(dyn StdError + 'static)) -> Option<Error> {
    if let Some(error) = cause.downcast_ref::<network::Error>() {
        return Some(of_connect(*error));
    }
    // What the guest's own body, or the incoming one that it passes on, ended with.
    if let Some(Error::HttpRequestBodySize(size)) = cause.downcast_ref::<Error>() {
        return Some(Error::HttpRequestBodySize(*size));
    }
    if let Some(error) = cause.downcast_ref::<io::Error>() {
        return Some(of_io(error.kind()));
    }
    cause.downcast_ref::<hyper::Error>().and_then(of_hyper)
}

fn of_connect(error: network::Error) -> Error {
    match error {
        network::Error::Denied => Error::HttpRequestDenied,
        network::Error::Name => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        network::Error::Blocked => Error::DestinationIpProhibited,
        network::Error::Refused => Error::ConnectionRefused,
        network::Error::Unreachable => Error::DestinationUnavailable,
        network::Error::Terminated => Error::ConnectionTerminated,
        network::Error::TimedOut => Error::ConnectionTimeout,
        network::Error::Full => Error::ConnectionLimitReached,
        network::Error::Certificate => Error::TlsCertificateError,
        network::Error::Alert(alert) => Error::TlsAlertReceived {
            alert_id: Some(alert),
            alert_message: None,
        },
        network::Error::Tls => Error::TlsProtocolError,
    }
}

fn of_io(kind: io::ErrorKind) -> Error {
    match kind {
        io::ErrorKind::UnexpectedEof => Error::HttpResponseIncomplete,
        _ => Error::ConnectionTerminated,
    }
}

/// `None` where the cause says more.
fn of_hyper(error: &hyper::Error) -> Option<Error> {
    match () {
        () if error.is_parse_too_large() => Some(Error::HttpResponseHeaderSectionSize(None)),
        () if error.is_parse() => Some(Error::HttpProtocolError),
        () if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
            Some(Error::ConnectionTerminated)
        }
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("it failed")]
    struct Wrapped<E: StdError + 'static>(#[source] E);

    #[test]
    fn what_nobody_knows_is_no_case_of_its_own() {
        assert!(causes(&Wrapped(std::fmt::Error)).find_map(known).is_none());
    }

    #[test]
    fn the_cause_is_found_however_deep_it_is() {
        let refused = Wrapped(Wrapped(network::Error::Refused));
        assert!(matches!(
            causes(&refused).find_map(known),
            Some(Error::ConnectionRefused)
        ));
        let too_large = Wrapped(Error::HttpRequestBodySize(Some(7)));
        assert!(matches!(
            causes(&too_large).find_map(known),
            Some(Error::HttpRequestBodySize(Some(7)))
        ));
    }
}
