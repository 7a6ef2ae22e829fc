//! Hyper alone: the floor below which no server that stands on it gets.
//!
//! It is built as our gateway is, one executor per core and each connection on one of them, and does nothing but what a
//! workload asks for (`work.rs`).

mod work;

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
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::process;
use work::Worker;

pub(crate) use work::{KEY, ROW, ROWS, TABLE, Work};

/// Connections on their way to a core.
const QUEUE_CONNECTIONS_MAX: usize = 1024;

/// What serves it on a free port, as a process of its own.
pub(crate) fn command(work: Work) -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    let mut command = process::command(program, Path::new("/"));
    command.args(["serve-bare", "127.0.0.1:0", work.name()]);
    Ok(command)
}

/// Serves at the address and says so, until accepting fails.
pub(crate) fn run(address: &str, work: Work) -> anyhow::Result<()> {
    let (listener, address) = bound(address)?;
    println!("listening on http://{address}");
    accept(&listener, work)
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
fn accept(listener: &TcpListener, work: Work) -> anyhow::Result<()> {
    let count = thread::available_parallelism().map_or(1, usize::from);
    let cores = (0..count)
        .map(|_| core(work.worker()?).context("cannot start a core"))
        .collect::<anyhow::Result<Vec<_>>>()?;
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
fn core(worker: Worker) -> io::Result<Sender<TcpStream>> {
    let (sender, queue) = mpsc::channel(QUEUE_CONNECTIONS_MAX);
    let executor = Builder::new_current_thread().enable_io().build()?;
    thread::Builder::new().spawn(move || executor.block_on(serve(queue, worker)))?;
    Ok(sender)
}

async fn serve(mut queue: Receiver<TcpStream>, worker: Worker) {
    while let Some(stream) = queue.recv().await {
        // Its task ends with its client, or with the executor.
        tokio::spawn(connection(stream, worker.clone()));
    }
}

async fn connection(stream: TcpStream, worker: Worker) {
    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else {
        // The client sees its connection closed.
        return;
    };
    let answer = |_: Request<Incoming>| answer(&worker);
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
    // It fails when the client breaks off.
    served.await.ok();
}

async fn answer(worker: &Worker) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = worker.answer().await;
    let mut response = Response::new(Full::new(Bytes::new()));
    match body {
        Ok(body) => *response.body_mut() = Full::new(body),
        Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    let text = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(CONTENT_TYPE, text);
    Ok(response)
}

/// Serves within this process, until that ends.
#[cfg(test)]
pub(crate) fn spawned() -> SocketAddr {
    let (listener, address) = bound("127.0.0.1:0").expect("a free port is there");
    thread::spawn(move || accept(&listener, Work::Hello));
    address
}
