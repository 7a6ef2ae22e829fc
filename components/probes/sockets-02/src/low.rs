//! What the standard library has no words for.

use probe_kit_02::Answer;
use wasip2::sockets::network::{ErrorCode, IpAddress, IpAddressFamily};
use wasip2::sockets::tcp::TcpSocket;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::{instance_network, ip_name_lookup};

pub(crate) fn look_up(name: &str) -> Result<Answer, Answer> {
    let network = instance_network::instance_network();
    let stream = ip_name_lookup::resolve_addresses(&network, name).map_err(failed)?;
    let ready = stream.subscribe();
    let mut lines = Vec::new();
    loop {
        match stream.resolve_next_address() {
            Ok(Some(address)) => lines.push(line(address)),
            Ok(None) => return Ok(Answer::lines(lines)),
            Err(ErrorCode::WouldBlock) => ready.block(),
            Err(error) => return Err(failed(error)),
        }
    }
}

pub(crate) fn hold(count: u64) -> Answer {
    Answer::text(sockets(count).len())
}

pub(crate) fn leak(count: u64) -> Answer {
    let sockets = sockets(count);
    let open = sockets.len();
    std::mem::forget(sockets);
    Answer::text(open)
}

/// As many sockets as can be had, at most `count`.
fn sockets(count: u64) -> Vec<TcpSocket> {
    let created = (0..count).map(|_| create_tcp_socket(IpAddressFamily::Ipv4));
    created.map_while(Result::ok).collect()
}

fn line(address: IpAddress) -> Vec<u8> {
    let shown = match address {
        IpAddress::Ipv4((a, b, c, d)) => std::net::Ipv4Addr::new(a, b, c, d).to_string(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => {
            std::net::Ipv6Addr::new(a, b, c, d, e, f, g, h).to_string()
        }
    };
    shown.into_bytes()
}

fn failed(error: ErrorCode) -> Answer {
    match error {
        ErrorCode::AccessDenied => Answer::forbidden("access-denied", ""),
        error => Answer::failed(error.name(), ""),
    }
}
