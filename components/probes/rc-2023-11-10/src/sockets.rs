//! A connection by hand, which the host may refuse.

use crate::answer::Answer;
use crate::bindings::wasi::http::types::ResponseOutparam;
use crate::bindings::wasi::sockets::instance_network::instance_network;
use crate::bindings::wasi::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
};
use crate::bindings::wasi::sockets::tcp_create_socket::create_tcp_socket;
use crate::parameter;
use std::net::SocketAddrV4;

pub(crate) fn connect(query: &str, out: ResponseOutparam) {
    let address = parameter(query, "address").unwrap_or_default();
    match connected(address.parse().expect("it is an address")) {
        Ok(()) => Answer::text(out, 200, "connected"),
        Err(code) => Answer::text(out, 502, code.name()),
    }
}

fn connected(address: SocketAddrV4) -> Result<(), ErrorCode> {
    let [a, b, c, d] = address.ip().octets();
    let address = IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: address.port(),
        address: (a, b, c, d),
    });
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    socket.start_connect(&instance_network(), address)?;
    loop {
        match socket.finish_connect() {
            Ok(_) => return Ok(()),
            Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
            Err(code) => return Err(code),
        }
    }
}
