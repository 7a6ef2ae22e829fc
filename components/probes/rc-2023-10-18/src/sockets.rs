//! Connections by hand, which the host may refuse.

use crate::answer::Answer;
use crate::bindings::wasi::http::types::ResponseOutparam;
use crate::bindings::wasi::io::poll;
use crate::bindings::wasi::sockets::instance_network::instance_network;
use crate::bindings::wasi::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
};
use crate::bindings::wasi::sockets::tcp_create_socket::create_tcp_socket;
use crate::bindings::wasi::sockets::udp::Datagram;
use crate::bindings::wasi::sockets::udp_create_socket::create_udp_socket;
use crate::parameter;
use std::net::SocketAddrV4;

/// Datagrams that are asked for at once.
const DATAGRAMS_MAX: u64 = 4;

pub(crate) fn connect(query: &str, out: ResponseOutparam) {
    match connected(address(query)) {
        Ok(()) => Answer::text(out, 200, "connected"),
        Err(code) => Answer::text(out, 502, code.name()),
    }
}

pub(crate) fn datagram(query: &str, out: ResponseOutparam) {
    match answered(address(query)) {
        Ok(text) => Answer::text(out, 200, &text),
        Err(code) => Answer::text(out, 502, code.name()),
    }
}

fn connected(address: IpSocketAddress) -> Result<(), ErrorCode> {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    socket.start_connect(&instance_network(), address)?;
    loop {
        match socket.finish_connect() {
            Ok(_) => return Ok(()),
            Err(ErrorCode::WouldBlock) => poll::poll_one(&socket.subscribe()),
            Err(code) => return Err(code),
        }
    }
}

fn answered(address: IpSocketAddress) -> Result<String, ErrorCode> {
    let socket = create_udp_socket(IpAddressFamily::Ipv4)?;
    let network = instance_network();
    let any = socket_address(SocketAddrV4::new([0, 0, 0, 0].into(), 0));
    socket.start_bind(&network, any)?;
    socket.finish_bind()?;
    socket.start_connect(&network, address)?;
    socket.finish_connect()?;
    let ping = Datagram {
        data: b"ping".to_vec(),
        remote_address: address,
    };
    socket.send(&[ping])?;
    loop {
        match socket.receive(DATAGRAMS_MAX) {
            Ok(datagrams) => {
                let data = datagrams.into_iter().flat_map(|datagram| datagram.data);
                return Ok(String::from_utf8_lossy(&data.collect::<Vec<_>>()).into_owned());
            }
            Err(ErrorCode::WouldBlock) => poll::poll_one(&socket.subscribe()),
            Err(code) => return Err(code),
        }
    }
}

fn address(query: &str) -> IpSocketAddress {
    let address = parameter(query, "address").unwrap_or_default();
    socket_address(address.parse().expect("it is an address"))
}

fn socket_address(address: SocketAddrV4) -> IpSocketAddress {
    let [a, b, c, d] = address.ip().octets();
    IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: address.port(),
        address: (a, b, c, d),
    })
}
