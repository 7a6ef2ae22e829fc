//! Answers HTTP requests with what its sockets could do, for the host's tests: a WASI 0.3 guest that waits without
//! blocking.
//!
//! `GET /?op=O…`, where O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `tcp` | `to` | 200 and what comes back for `ping`, over TCP |
//! | `udp` | `to` | the same in datagrams |
//! | `named` | `host`, `port` | the same over TCP, to the first address of a name that answers |
//! | `listen` | `at` | 200 and `listening` |
//! | `look-up` | `name` | 200 and the addresses, one per line |
//! | `hold` | `count` | 200 and how many sockets could be open at once, at most that many |
//! | `leak` | `count` | the same, and they are not closed |
//! | `streams` | `to` | 200, and how many more sockets there could be while only the streams of one were left, and after |
//!
//! What was not allowed is answered with 403 and `access-denied`, any other error with 500 and its name. A request that
//! the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

mod names;
mod streams;

use std::net::SocketAddr;

use probe_kit_03::{Call, Refusal, text};
use stoa_sdk::http::{Request, Response};
use wasip3::sockets::types::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket,
    UdpSocket,
};

stoa_sdk::service!(handle);

async fn handle(request: Request) -> Response {
    // Both sides of the result are answers: a refusal is one too.
    answer(&Call::of(&request))
        .await
        .unwrap_or_else(|refusal| refusal.into())
}

async fn answer(call: &Call) -> Result<Response, Refusal> {
    match call.op()? {
        "tcp" => Ok(text(tcp(address(call, "to")?).await.map_err(failed)?)),
        "udp" => Ok(text(udp(address(call, "to")?).await.map_err(failed)?)),
        "named" => {
            let port = call.number("port")?.unwrap_or(0);
            let port = u16::try_from(port).map_err(|_| Refusal::bad("no such port".to_owned()))?;
            names::connect(call.wanted("host")?, port).await
        }
        "listen" => listen(address(call, "at")?).map_err(failed),
        "look-up" => names::look_up(call.wanted("name")?).await,
        "hold" => Ok(text(sockets(call.number("count")?.unwrap_or(1)).len())),
        "leak" => Ok(text(leak(call.number("count")?.unwrap_or(1)))),
        "streams" => streams::outlive(address(call, "to")?).await.map_err(failed),
        op => Err(Refusal::bad(format!("no such op: {op}"))),
    }
}

/// What comes back for `ping`.
async fn tcp(to: SocketAddr) -> Result<String, ErrorCode> {
    streams::exchange(&connected(to).await?).await
}

async fn connected(to: SocketAddr) -> Result<TcpSocket, ErrorCode> {
    let socket = TcpSocket::create(family(to))?;
    socket.connect(wire(to)).await?;
    Ok(socket)
}

async fn udp(to: SocketAddr) -> Result<String, ErrorCode> {
    let socket = UdpSocket::create(family(to))?;
    socket.send(b"ping".to_vec(), Some(wire(to))).await?;
    let (answer, _) = socket.receive().await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn listen(at: SocketAddr) -> Result<Response, ErrorCode> {
    let socket = TcpSocket::create(family(at))?;
    socket.bind(wire(at))?;
    drop(socket.listen()?);
    Ok(text("listening"))
}

/// As many sockets as can be had, at most `count`.
fn sockets(count: u64) -> Vec<TcpSocket> {
    let created = (0..count).map(|_| TcpSocket::create(IpAddressFamily::Ipv4));
    created.map_while(Result::ok).collect()
}

fn leak(count: u64) -> usize {
    let sockets = sockets(count);
    let open = sockets.len();
    std::mem::forget(sockets);
    open
}

fn address(call: &Call, name: &str) -> Result<SocketAddr, Refusal> {
    let address = call.wanted(name)?.parse();
    address.map_err(|_| Refusal::bad(format!("{name} is no address")))
}

fn family(address: SocketAddr) -> IpAddressFamily {
    match address {
        SocketAddr::V4(_) => IpAddressFamily::Ipv4,
        SocketAddr::V6(_) => IpAddressFamily::Ipv6,
    }
}

fn wire(address: SocketAddr) -> IpSocketAddress {
    match address {
        SocketAddr::V4(address) => {
            let [a, b, c, d] = address.ip().octets();
            IpSocketAddress::Ipv4(Ipv4SocketAddress {
                port: address.port(),
                address: (a, b, c, d),
            })
        }
        SocketAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.ip().segments();
            IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port: address.port(),
                flow_info: 0,
                address: (a, b, c, d, e, f, g, h),
                scope_id: 0,
            })
        }
    }
}

fn failed(error: ErrorCode) -> Refusal {
    match error {
        ErrorCode::AccessDenied => Refusal::forbidden("access-denied", ""),
        ErrorCode::Other(why) => Refusal::failed("other", &why.unwrap_or_default()),
        error => Refusal::failed(&format!("{error:?}"), ""),
    }
}
