//! The two streams of a connection, which are the guest's own.

use std::net::SocketAddr;

use crate::{connected, sockets};
use probe_kit_03::text;
use stoa_sdk::http::Response;
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::sockets::types::{ErrorCode, TcpSocket};
use wasip3::wit_stream;

/// How often it is looked whether the host has noticed that a stream is gone, and the pause between.
const LOOKS_MAX: usize = 1_000;
const PAUSE_NS: u64 = 1_000_000;

/// What comes back for `ping`.
pub(crate) async fn exchange(socket: &TcpSocket) -> Result<String, ErrorCode> {
    let (mut writer, data) = wit_stream::new();
    let sent = socket.send(data);
    let (mut answer, _ended) = socket.receive();
    writer.write_all(b"ping".to_vec()).await;
    let mut received = Vec::new();
    while received.len() < 4 {
        match answer.next().await {
            Some(byte) => received.push(byte),
            None => break,
        }
    }
    drop(writer);
    sent.await?;
    Ok(String::from_utf8_lossy(&received).into_owned())
}

/// Drops a socket before its streams, and tells how many more there could be, before and after these are gone.
pub(crate) async fn outlive(to: SocketAddr) -> Result<Response, ErrorCode> {
    let socket = connected(to).await?;
    let (writer, data) = wit_stream::new::<u8>();
    let sent = socket.send(data);
    let (answer, ended) = socket.receive();
    drop(socket);
    let before = sockets(1).len();
    drop((writer, sent, answer, ended));
    let mut after = 0;
    for _ in 0..LOOKS_MAX {
        after = sockets(1).len();
        if after > 0 {
            break;
        }
        wait_for(PAUSE_NS).await;
    }
    Ok(text(format!("{before} {after}")))
}
