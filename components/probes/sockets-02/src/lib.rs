//! Answers HTTP requests with what its sockets could do, for the host's tests: a WASI 0.2 guest that blocks. What it
//! connects with is the standard library, as guests do.
//!
//! `GET /?op=O…`, where O is one of:
//!
//! | op | further parameters | answer |
//! |---|---|---|
//! | `tcp` | `to` | 200 and what comes back for `ping`, over TCP |
//! | `udp` | `to` | the same in datagrams |
//! | `named` | `host`, `port` | the same over TCP, to the first address of a name that answers |
//! | `listen` | `at` | 200 and where it listens |
//! | `look-up` | `name` | 200 and the addresses, one per line |
//! | `hold` | `count` | 200 and how many sockets could be open at once, at most that many |
//! | `leak` | `count` | the same, and they are not closed |
//!
//! What was not allowed is answered with 403 and `access-denied`, any other error with 500 and its name. A request that
//! the probe itself does not understand is answered with 400.
#![cfg(target_family = "wasm")]

mod low;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use probe_kit_02::{Answer, Call};

const PING: &[u8; 4] = b"ping";

probe_kit_02::probe!(answer);

fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.op()? {
        "tcp" => tcp(call.wanted("to")?).map_err(failed),
        "udp" => udp(call.wanted("to")?).map_err(failed),
        "named" => {
            let port = call.number("port")?.unwrap_or(0);
            let port = u16::try_from(port).map_err(|_| Answer::bad("no such port".to_owned()))?;
            tcp((call.wanted("host")?, port)).map_err(failed)
        }
        "listen" => listen(call.wanted("at")?).map_err(failed),
        "look-up" => low::look_up(call.wanted("name")?),
        "hold" => Ok(low::hold(call.number("count")?.unwrap_or(1))),
        "leak" => Ok(low::leak(call.number("count")?.unwrap_or(1))),
        op => Err(Answer::bad(format!("no such op: {op}"))),
    }
}

fn tcp(to: impl ToSocketAddrs) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(to)?;
    stream.write_all(PING)?;
    let mut answer = [0; PING.len()];
    stream.read_exact(&mut answer)?;
    Ok(Answer::value(Some(answer.to_vec())))
}

fn udp(to: &str) -> io::Result<Answer> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.send_to(PING, to)?;
    let mut answer = [0; PING.len()];
    let (length, _) = socket.recv_from(&mut answer)?;
    Ok(Answer::value(Some(answer[..length].to_vec())))
}

fn listen(at: &str) -> io::Result<Answer> {
    let listener = TcpListener::bind(at)?;
    Ok(Answer::text(listener.local_addr()?))
}

fn failed(error: io::Error) -> Answer {
    match error.kind() {
        ErrorKind::PermissionDenied => Answer::forbidden("access-denied", ""),
        kind => Answer::failed(&format!("{kind:?}"), &error.to_string()),
    }
}
