//! A way to a server that can be cut: connections end at once, and new ones are closed until it is mended.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;

const CONNECT_MAX: Duration = Duration::from_secs(5);

/// A proxy on a port of this machine; it ends with this.
pub(super) struct Proxy {
    address: SocketAddr,
    way: Arc<Mutex<Way>>,
    listening: Option<JoinHandle<()>>,
}

/// Whether it lets through, and what goes through it.
#[derive(Default)]
struct Way {
    is_cut: bool,
    is_over: bool,
    streams: Vec<TcpStream>,
}

impl Proxy {
    pub(super) fn start(server: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
        let address = listener.local_addr().context("cannot tell where")?;
        let way = Arc::new(Mutex::new(Way::default()));
        let shared = Arc::clone(&way);
        let listening = thread::spawn(move || listen(&listener, server, &shared));
        Ok(Self {
            address,
            way,
            listening: Some(listening),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection, and lets no other one through.
    pub(super) fn cut(&self) {
        with(&self.way, |way| {
            way.is_cut = true;
            way.close();
        });
    }

    /// Lets connections through again.
    pub(super) fn mend(&self) {
        with(&self.way, |way| way.is_cut = false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        with(&self.way, |way| {
            way.is_over = true;
            way.close();
        });
        // Wakes it, so that it sees that it is over.
        drop(TcpStream::connect_timeout(&self.address, CONNECT_MAX));
        if let Some(listening) = self.listening.take() {
            drop(listening.join());
        }
    }
}

impl Way {
    fn close(&mut self) {
        for stream in self.streams.drain(..) {
            // It fails only where an end was faster.
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

/// Takes connections until it is over.
fn listen(listener: &TcpListener, server: SocketAddr, way: &Arc<Mutex<Way>>) {
    for client in listener.incoming() {
        if with(way, |way| way.is_over) {
            return;
        }
        // A client whose way is cut, or whose server is not there, sees its connection closed.
        if let Ok(client) = client {
            drop(connect(client, server, way));
        }
    }
}

fn connect(client: TcpStream, server: SocketAddr, way: &Arc<Mutex<Way>>) -> io::Result<()> {
    let server = TcpStream::connect_timeout(&server, CONNECT_MAX)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ends = [
        (client.try_clone()?, server.try_clone()?),
        (server.try_clone()?, client.try_clone()?),
    ];
    let is_open = with(way, |way| {
        let is_open = !way.is_cut && !way.is_over;
        if is_open {
            way.streams.extend([client, server]);
        }
        is_open
    });
    if is_open {
        for (from, to) in ends {
            thread::spawn(move || carry(from, to));
        }
    }
    Ok(())
}

/// Until one end is closed, and then both are.
fn carry(mut from: TcpStream, mut to: TcpStream) {
    drop(io::copy(&mut from, &mut to));
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}

fn with<T>(way: &Mutex<Way>, change: impl FnOnce(&mut Way) -> T) -> T {
    // What it holds is whole whatever happened to a thread that held the lock.
    change(&mut way.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bare;
    use crate::http;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn a_way_that_is_cut_lets_nobody_through_until_it_is_mended() {
        let proxy = Proxy::start(bare::spawned()).expect("a free port is there");
        let ask = || http::get(proxy.address(), "/", LIMIT);
        proxy.cut();
        assert!(ask().is_err());
        proxy.mend();
        assert_eq!(ask().expect("it is mended").status(), 200);
    }

    #[test]
    fn a_cut_ends_connections() {
        let proxy = Proxy::start(bare::spawned()).expect("a free port is there");
        let mut connection = http::Connection::open(proxy.address(), LIMIT).expect("it accepts");
        connection.get("/").expect("it goes through");
        proxy.cut();
        assert!(connection.get("/").is_err());
    }
}
