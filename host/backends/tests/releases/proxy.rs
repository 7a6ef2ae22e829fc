//! A way to a server that can be cut.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Passes on what clients and a server say to each other. It ends when it is dropped.
pub(crate) struct Proxy {
    url: String,
    open: watch::Sender<bool>,
    _serving: JoinSet<()>,
}

impl Proxy {
    /// To the server of a URL that names host and port.
    pub(crate) async fn start(url: &str) -> Self {
        let (user, rest) = url.rsplit_once('@').expect("the URL names a user");
        let (server, database) = rest.split_once('/').expect("the URL names a database");
        let port = if server.contains(':') { "" } else { ":5432" };
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (open, state) = watch::channel(true);
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, format!("{server}{port}"), state));
        Self {
            url: at(user, address, database),
            open,
            _serving: serving,
        }
    }

    /// The URL of the same database by this way.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// Ends all connections, and every new one at once.
    pub(crate) fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Lets clients through again.
    pub(crate) fn mend(&self) {
        self.open.send_replace(true);
    }
}

fn at(user: &str, address: SocketAddr, database: &str) -> String {
    format!("{user}@{address}/{database}")
}

async fn serve(listener: TcpListener, server: String, state: watch::Receiver<bool>) {
    let mut passing = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("it can be accepted");
        if *state.borrow() {
            passing.spawn(pass(client, server.clone(), state.clone()));
        }
    }
}

async fn pass(mut client: TcpStream, server: String, mut state: watch::Receiver<bool>) {
    let mut server = TcpStream::connect(server).await.expect("it is there");
    tokio::select! {
        // Whichever side ends it, the other sees the end.
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = state.wait_for(|open| !*open) => {}
    }
}
