//! Names, as in October.

use crate::bindings::october::wasi::io::poll;
use crate::bindings::october::wasi::sockets::instance_network::instance_network;
use crate::bindings::october::wasi::sockets::ip_name_lookup::resolve_addresses;
use crate::bindings::october::wasi::sockets::network::{ErrorCode, IpAddress};
use probe_kit_02::Answer;
use std::net::{Ipv4Addr, Ipv6Addr};

pub(crate) fn look_up(name: &str) -> Result<Answer, ErrorCode> {
    let stream = resolve_addresses(&instance_network(), name, None, false)?;
    let mut lines = Vec::new();
    loop {
        match stream.resolve_next_address() {
            Ok(Some(address)) => lines.push(line(address)),
            Ok(None) => return Ok(Answer::lines(lines)),
            Err(ErrorCode::WouldBlock) => poll::poll_one(&stream.subscribe()),
            Err(error) => return Err(error),
        }
    }
}

fn line(address: IpAddress) -> Vec<u8> {
    let shown = match address {
        IpAddress::Ipv4((a, b, c, d)) => Ipv4Addr::new(a, b, c, d).to_string(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => {
            Ipv6Addr::new(a, b, c, d, e, f, g, h).to_string()
        }
    };
    shown.into_bytes()
}
