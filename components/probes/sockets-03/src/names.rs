//! Names and their addresses.

use std::net::{IpAddr, SocketAddr};

use crate::{failed, tcp};
use probe_kit_03::{Refusal, lines, text};
use stoa_sdk::http::Response;
use wasip3::sockets::ip_name_lookup::{ErrorCode, resolve_addresses};
use wasip3::sockets::types::{self, IpAddress};

pub(crate) async fn look_up(name: &str) -> Result<Response, Refusal> {
    let found = addresses(name).await?;
    Ok(lines(
        found.iter().map(|found| found.to_string().into_bytes()),
    ))
}

/// What the first address that answers sends back.
pub(crate) async fn connect(host: &str, port: u16) -> Result<Response, Refusal> {
    let mut last = types::ErrorCode::RemoteUnreachable;
    for address in addresses(host).await? {
        match tcp(SocketAddr::new(address, port)).await {
            Ok(answer) => return Ok(text(answer)),
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

async fn addresses(name: &str) -> Result<Vec<IpAddr>, Refusal> {
    let found = resolve_addresses(name.to_owned()).await;
    Ok(found.map_err(unresolved)?.into_iter().map(plain).collect())
}

fn plain(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => IpAddr::from([a, b, c, d]),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => IpAddr::from([a, b, c, d, e, f, g, h]),
    }
}

fn unresolved(error: ErrorCode) -> Refusal {
    match error {
        ErrorCode::AccessDenied => Refusal::forbidden("access-denied", ""),
        error => Refusal::failed(&format!("{error:?}"), ""),
    }
}
