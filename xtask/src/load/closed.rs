//! Closed loops: clients that ask again as soon as they are answered, all of them in one thread.
//!
//! What clients take of the machine is missing at its server, and where two loads are compared, the clients of one are
//! missing at the other. A thread for each would cost as much as a third of the server does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, RETRY_AFTER};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use super::ask::Ask;
use super::clients::ANSWER_MAX;
use super::seen::{Seen, Told};

/// After a failure, so that a server that is gone is not asked in a tight loop.
const PAUSE: Duration = Duration::from_millis(10);

type Message = Request<Full<Bytes>>;

/// Asks in turn on so many connections, as fast as answers come.
pub(crate) fn closed(
    address: SocketAddr,
    asks: &[Ask],
    connections: usize,
    duration: Duration,
) -> anyhow::Result<Seen> {
    let mut all = Seen::during(duration);
    let until = Instant::now() + duration;
    let goes_on = move || Instant::now() < until;
    all.add(all_of(address, asks, connections, goes_on)?);
    Ok(all)
}

/// Looks while others ask, each on a connection, from `lead` before until it has looked. Tells what those saw, too.
pub(crate) fn beside<T>(
    address: SocketAddr,
    asks: &[Ask],
    connections: usize,
    lead: Duration,
    look: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, Seen)> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let goes_on = move || !stopped.load(Ordering::Relaxed);
    thread::scope(|scope| {
        let others = scope.spawn(|| all_of(address, asks, connections, goes_on));
        thread::sleep(lead);
        let seen = look();
        // Whatever happened: they wait for it.
        stop.store(true, Ordering::Relaxed);
        let others = others.join();
        let others = others.map_err(|_| anyhow!("a client panicked"))??;
        Ok((seen?, others))
    })
}

fn all_of(
    address: SocketAddr,
    asks: &[Ask],
    connections: usize,
    goes_on: impl Fn() -> bool + Clone + Send + 'static,
) -> anyhow::Result<Seen> {
    let messages = asks.iter().map(|ask| message(ask, address));
    let messages = messages.collect::<anyhow::Result<Arc<[Message]>>>()?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start clients")?;
    runtime.block_on(async {
        let mut clients = JoinSet::new();
        for index in 0..connections {
            clients.spawn(one(address, Arc::clone(&messages), index, goes_on.clone()));
        }
        let mut all = Seen::default();
        while let Some(seen) = clients.join_next().await {
            all.add(seen.map_err(|_| anyhow!("a client panicked"))?);
        }
        Ok(all)
    })
}

async fn one(
    address: SocketAddr,
    messages: Arc<[Message]>,
    index: usize,
    goes_on: impl Fn() -> bool,
) -> Seen {
    let (mut kept, mut seen) = (None, Seen::default());
    // Not all begin with the same one.
    let turns = messages.iter().cycle().skip(index % messages.len().max(1));
    for message in turns {
        if !goes_on() {
            break;
        }
        let sent = Instant::now();
        let told = exchange(address, &mut kept, message.clone());
        let outcome = match tokio::time::timeout(ANSWER_MAX, told).await {
            Ok(outcome) => outcome,
            Err(_) => Err(anyhow!("no answer within {ANSWER_MAX:?}")),
        };
        let failed = outcome.is_err();
        seen.note(sent, sent, goes_on(), outcome);
        if failed {
            tokio::time::sleep(PAUSE).await;
        }
    }
    seen
}

/// Asks on the connection that was kept, or on a new one.
async fn exchange(
    address: SocketAddr,
    kept: &mut Option<SendRequest<Full<Bytes>>>,
    message: Message,
) -> anyhow::Result<Told> {
    let mut sender = match kept.take() {
        Some(sender) => sender,
        None => connect(address).await?,
    };
    // The last answer may have been the last one of its connection.
    if sender.ready().await.is_err() {
        sender = connect(address).await?;
    }
    let answer = sender.send_request(message).await.context("no answer")?;
    let (head, mut body) = answer.into_parts();
    while let Some(frame) = body.frame().await {
        frame.context("the answer broke off")?;
    }
    *kept = Some(sender);
    Ok(Told {
        status: head.status.as_u16(),
        has_retry_after: head.headers.contains_key(RETRY_AFTER),
    })
}

async fn connect(address: SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // What it fails with is seen by whoever asks on it.
    tokio::spawn(async { connection.await.ok() });
    Ok(sender)
}

fn message(ask: &Ask, address: SocketAddr) -> anyhow::Result<Message> {
    let mut message = Request::builder()
        .method(ask.method)
        .uri(&ask.path)
        .header(HOST, address.to_string());
    for (name, value) in &ask.headers {
        message = message.header(*name, *value);
    }
    let body = Full::new(Bytes::from(ask.body.clone()));
    message
        .body(body)
        .with_context(|| format!("not a request: `{} {}`", ask.method, ask.path))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    const SHORT: Duration = Duration::from_millis(100);
    const KEPT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    const LAST: &str = "HTTP/1.1 503 \r\nretry-after: 1\r\nconnection: close\r\n\r\n";

    /// Answers all the same, and counts how often. An answer without a length ends its connection.
    fn server(answer: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port is there");
        let address = listener.local_addr().expect("it is bound");
        let count = Arc::new(AtomicUsize::new(0));
        let answered = Arc::clone(&count);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let answered = Arc::clone(&answered);
                thread::spawn(move || {
                    let reader = BufReader::new(stream.try_clone().expect("it can be shared"));
                    let ends = reader
                        .lines()
                        .map_while(Result::ok)
                        .filter(String::is_empty);
                    for _ in ends {
                        answered.fetch_add(1, Ordering::Relaxed);
                        if stream.write_all(answer.as_bytes()).is_err() || answer == LAST {
                            break;
                        }
                    }
                });
            }
        });
        (address, count)
    }

    #[test]
    fn what_a_server_refuses_is_no_success_and_not_lost() {
        let (address, _) = server(LAST);
        let seen = closed(address, &[Ask::get("/")], 2, SHORT).expect("clients start");
        assert!(seen.answered(503).count() > 2, "{seen:?}");
        assert!(seen.answered(503).all(|answer| answer.has_retry_after));
        assert_eq!((seen.lost(), seen.answered(200).count()), (0, 0));
    }

    #[test]
    fn a_server_that_is_gone_loses_requests() {
        let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = gone.expect("a free port is there");
        let seen = closed(address, &[Ask::get("/")], 2, SHORT).expect("clients start");
        assert_eq!(seen.answers(), 0);
        assert!(seen.lost() >= 2, "{seen:?}");
        assert!(seen.first_loss().contains("cannot connect"), "{seen:?}");
    }

    #[test]
    fn others_ask_while_somebody_looks_and_not_longer() {
        let (address, count) = server(KEPT);
        let ask = [Ask::get("/"), Ask::post("/", "text/plain", "x")];
        let look = || {
            while count.load(Ordering::Relaxed) < 50 {
                thread::yield_now();
            }
            Ok("looked")
        };
        let (looked, seen) = beside(address, &ask, 3, Duration::ZERO, look).expect("clients start");
        assert_eq!((looked, seen.failed()), ("looked", 0));
        assert_eq!(seen.answers(), count.load(Ordering::Relaxed));
    }
}
