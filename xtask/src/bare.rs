//! Hyper alone, answering one fixed text: the floor below which no server that stands on it gets.
//!
//! It is built as our gateway is, one executor per core and each connection on one of them, and does nothing else.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::process;

/// What the hello probe answers.
const BODY: &[u8] = b"Hello from WASI 0.2!\n";
/// Connections on their way to a core.
const QUEUE_CONNECTIONS_MAX: usize = 1024;

/// What serves it on a free port, as a process of its own.
pub(crate) fn command() -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    let mut command = process::command(program, Path::new("/"));
    command.args(["serve-bare", "127.0.0.1:0"]);
    Ok(command)
}

/// Serves at the address and says so, until accepting fails.
pub(crate) fn run(address: &str) -> anyhow::Result<()> {
    let (listener, address) = bound(address)?;
    println!("listening on http://{address}");
    accept(&listener)
}

fn bound(address: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener =
        TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    let address = listener
        .local_addr()
        .context("cannot tell where it listens")?;
    Ok((listener, address))
}

/// Connections go to the cores in turn, so that none has more than another.
fn accept(listener: &TcpListener) -> anyhow::Result<()> {
    let count = thread::available_parallelism().map_or(1, usize::from);
    let cores = (0..count)
        .map(|_| core())
        .collect::<io::Result<Vec<_>>>()
        .context("cannot start a core")?;
    for core in cores.iter().cycle() {
        let (stream, _) = listener.accept().context("cannot accept a connection")?;
        stream
            .set_nonblocking(true)
            .and_then(|()| stream.set_nodelay(true))
            .context("cannot prepare a connection")?;
        core.blocking_send(stream).context("a core has ended")?;
    }
    Ok(())
}

/// A thread with an executor. It ends with the sender that it gives.
fn core() -> io::Result<Sender<TcpStream>> {
    let (sender, queue) = mpsc::channel(QUEUE_CONNECTIONS_MAX);
    let executor = Builder::new_current_thread().enable_io().build()?;
    thread::Builder::new().spawn(move || executor.block_on(serve(queue)))?;
    Ok(sender)
}

async fn serve(mut queue: Receiver<TcpStream>) {
    while let Some(stream) = queue.recv().await {
        // Its task ends with its client, or with the executor.
        tokio::spawn(connection(stream));
    }
}

async fn connection(stream: TcpStream) {
    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else {
        // The client sees its connection closed.
        return;
    };
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
    // It fails when the client breaks off.
    served.await.ok();
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(BODY)));
    let text = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(CONTENT_TYPE, text);
    Ok(response)
}

/// Serves within this process, until that ends.
#[cfg(test)]
pub(crate) fn spawned() -> SocketAddr {
    let (listener, address) = bound("127.0.0.1:0").expect("a free port is there");
    thread::spawn(move || accept(&listener));
    address
}
