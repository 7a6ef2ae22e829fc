//! Datagrams, as in November: by streams.

use crate::bindings::november::wasi::sockets::instance_network::instance_network;
use crate::bindings::november::wasi::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
};
use crate::bindings::november::wasi::sockets::udp::OutgoingDatagram;
use crate::bindings::november::wasi::sockets::udp_create_socket::create_udp_socket;
use probe_kit_02::Answer;
use std::net::SocketAddrV4;

/// Datagrams that are asked for at once.
const DATAGRAMS_MAX: u64 = 4;

pub(crate) fn answered(to: SocketAddrV4) -> Result<Answer, ErrorCode> {
    let socket = create_udp_socket(IpAddressFamily::Ipv4)?;
    let any = address(SocketAddrV4::new([0, 0, 0, 0].into(), 0));
    socket.start_bind(&instance_network(), any)?;
    socket.finish_bind()?;
    let (incoming, outgoing) = socket.stream(Some(address(to)))?;
    while outgoing.check_send()? == 0 {
        outgoing.subscribe().block();
    }
    let ping = OutgoingDatagram {
        data: b"ping".to_vec(),
        remote_address: None,
    };
    outgoing.send(&[ping])?;
    loop {
        let datagrams = incoming.receive(DATAGRAMS_MAX)?;
        if datagrams.is_empty() {
            incoming.subscribe().block();
            continue;
        }
        let bytes = datagrams.into_iter().flat_map(|datagram| datagram.data);
        return Ok(Answer::value(Some(bytes.collect())));
    }
}

fn address(address: SocketAddrV4) -> IpSocketAddress {
    let [a, b, c, d] = address.ip().octets();
    IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: address.port(),
        address: (a, b, c, d),
    })
}
