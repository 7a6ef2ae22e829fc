//! How the gateway stops.

use std::sync::mpsc;

use super::*;

#[test]
fn stopping_finishes_what_is_in_flight_and_closes_what_is_idle() {
    let mut gateway = Gateway::start(Limits::default());
    let mut idle = gateway.connect();
    idle.write_all(b"GET /echo HTTP/1.1\r\nhost: a\r\n\r\n")
        .expect("the request can be sent");
    let mut first = [0; 1024];
    assert!(idle.read(&mut first).expect("an answer comes") > 0);
    let mut silent = gateway.connect();
    let mut busy = gateway.connect();
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
        .expect("the request can be sent");
    // Long enough to be accepted, shorter than its answer takes.
    std::thread::park_timeout(Duration::from_millis(100));
    gateway.stop();
    assert!(head(&rest(&mut busy)).contains("200"));
    assert_eq!(rest(&mut idle), "");
    assert_eq!(rest(&mut silent), "");
    assert!(
        TcpStream::connect(gateway.address).is_err(),
        "nobody listens any more"
    );
}

#[test]
fn what_does_not_finish_is_cut_off_at_the_drain_bound() {
    let mut gateway = Gateway::start(Limits {
        drain_max: Duration::from_millis(50),
        ..Limits::default()
    });
    let mut busy = gateway.connect();
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
        .expect("the request can be sent");
    std::thread::park_timeout(Duration::from_millis(100));
    gateway.stop();
    assert_eq!(rest(&mut busy), "");
}

/// Tells the number of its core when it is dropped: with the tasks of that core, at the latest.
struct Ends(usize, mpsc::Sender<usize>);

impl Drop for Ends {
    fn drop(&mut self) {
        if self.1.send(self.0).is_err() {
            // The test is over.
        }
    }
}

#[test]
fn an_idle_core_does_not_wait_for_a_busy_one_to_drain() {
    let mut config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        ..Config::default()
    };
    config.limits.drain_max = CLIENT_MAX * 4;
    let (stop, release) = (CancellationToken::new(), CancellationToken::new());
    let ((ended, ends), (begun, begins)) = (mpsc::channel(), mpsc::channel());
    let held = release.clone();
    // The first core waits, the other one answers at once. Both have a task that lasts as long as they do.
    let front = front(&config.limits, move |core| {
        let (begun, ended, held) = (begun.clone(), ended.clone(), held.clone());
        tower::service_fn(move |_: Request<RequestBody>| {
            let (begun, held) = (begun.clone(), held.clone());
            let ends = Ends(core, ended.clone());
            async move {
                tokio::spawn(async move {
                    let _lasts = ends;
                    std::future::pending::<()>().await
                });
                begun.send(core).expect("the test waits for it");
                if core == 0 {
                    held.cancelled().await;
                }
                Ok::<_, Failure>(whole("held"))
            }
        })
    });
    let listener = Listener::bind(config).expect("a free port can be bound");
    let address = listener.address().expect("it knows its address");
    let served = serve(listener, front, stop.clone());
    let get = format!("GET /echo HTTP/1.1\r\n{CLOSE}");
    let mut busy = TcpStream::connect(address).expect("it accepts");
    busy.write_all(get.as_bytes())
        .expect("the request can be sent");
    assert_eq!(begins.recv_timeout(CLIENT_MAX), Ok(0), "the first core");
    let mut quick = TcpStream::connect(address).expect("it accepts");
    quick
        .write_all(get.as_bytes())
        .expect("the request can be sent");
    assert_eq!(begins.recv_timeout(CLIENT_MAX), Ok(1), "the other core");
    assert!(head(&rest(&mut quick)).contains("200"));
    stop.cancel();
    assert_eq!(ends.recv_timeout(CLIENT_MAX), Ok(1), "the other core");
    release.cancel();
    assert!(head(&rest(&mut busy)).contains("200"));
    served.join().expect("it stops in order");
}
