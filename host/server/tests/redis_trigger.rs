//! Messages of Redis start components: at a start, during a deploy, when the server goes and comes back, and when the host
//! ends. The server is that of `STOA_TEST_REDIS`, or one on this machine. Each test has a channel of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stoa_testkit::{Host, Launch, probe};

const STOA: &str = env!("CARGO_BIN_EXE_stoa");
/// Whatever is waited for is seen within this; a bound for broken runs, not a measure.
const SEEN_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What the host logs whenever it has subscribed.
const LISTENING: &str = "listening to a channel of Redis";
/// What a guest is told of a call that its manifest does not allow.
const DENIED: &str = "HttpRequestDenied";
/// A guest of each export.
const PROBES: [&str; 2] = ["inbound-redis-02", "inbound-redis-03"];

/// Where the server is: `host:port`.
fn server() -> String {
    let url = std::env::var("STOA_TEST_REDIS").unwrap_or_else(|_| "redis://127.0.0.1:6379".into());
    let place = url.strip_prefix("redis://").expect("it is an address");
    place.trim_end_matches('/').to_owned()
}

fn address() -> String {
    format!("redis://{}", server())
}

/// A channel that nobody else has.
fn channel() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is later than 1970").as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("stoa-test-{now}-{count}")
}

/// A release: a component that writes its messages down with this word, and one that reads what is written.
struct Release<'a> {
    probe: &'a str,
    address: &'a str,
    channel: &'a str,
    word: &'a str,
}

impl Release<'_> {
    fn write(&self, folder: &Path) {
        for (name, probe_name) in [("listener", self.probe), ("reader", "keyvalue-02")] {
            let copied = std::fs::copy(probe(probe_name), folder.join(format!("{name}.wasm")));
            copied.expect("it can be copied");
        }
        std::fs::write(folder.join("spin.toml"), self.manifest()).expect("it can be written");
    }

    fn manifest(&self) -> String {
        let Self {
            address,
            channel,
            word,
            ..
        } = self;
        format!(
            "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
             [application.trigger.redis]\naddress = \"{{{{ server }}}}\"\n\
             [variables]\nserver = {{ default = \"{address}\", secret = true }}\n\
             [[trigger.redis]]\nid = \"news\"\nchannel = \"{channel}\"\ncomponent = \"listener\"\n\
             [[trigger.http]]\nroute = \"/...\"\ncomponent = \"reader\"\n\
             [component.listener]\nsource = \"listener.wasm\"\nkey_value_stores = [\"default\"]\n\
             environment = {{ WORD = \"{word}\" }}\n\
             [component.reader]\nsource = \"reader.wasm\"\nkey_value_stores = [\"default\"]\n"
        )
    }

    fn launch(&self) -> Launch {
        let launch = Launch::new(STOA, "");
        self.write(launch.folder());
        launch
    }
}

/// The first release of a test.
fn launch(probe: &str, channel: &str) -> Launch {
    let release = Release {
        probe,
        address: &address(),
        channel,
        word: "one",
    };
    release.launch()
}

/// Starts a host, and waits until it listens to its channel.
fn listening(launch: Launch) -> Host {
    let host = launch.start();
    host.logged(LISTENING);
    host
}

/// A connection to the server that publishes.
struct Publisher(BufReader<TcpStream>);

impl Publisher {
    fn open() -> Self {
        let stream = TcpStream::connect(server());
        let stream =
            stream.expect("these tests need Redis: start one, or name it in STOA_TEST_REDIS");
        let bound = Some(SEEN_MAX);
        stream.set_read_timeout(bound).expect("it can be set");
        Self(BufReader::new(stream))
    }

    /// Publishes a message, and tells how many listened.
    fn publish(&mut self, channel: &str, message: &str) -> u32 {
        let command = format!("PUBLISH {channel} \"{message}\"\r\n");
        let sent = self.0.get_mut().write_all(command.as_bytes());
        sent.expect("the server listens");
        let mut answer = String::new();
        self.0.read_line(&mut answer).expect("the server answers");
        let listeners = answer.trim_end().strip_prefix(':');
        let listeners = listeners.and_then(|digits| digits.parse().ok());
        listeners.unwrap_or_else(|| panic!("the server says `{answer}`"))
    }
}

/// What is written down under a key.
fn written(at: SocketAddr, key: &str) -> Option<String> {
    let mut stream = TcpStream::connect(at).expect("it accepts");
    let bound = Some(SEEN_MAX);
    stream.set_read_timeout(bound).expect("it can be set");
    let request = format!(
        "GET /?api=draft2&op=get&label=default&key={key} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    let (_, body) = answer.split_once("\r\n\r\n").expect("it has a body");
    match answer.split(' ').nth(1) {
        Some("200") => {
            // There may be lengths around it, and words are letters.
            let word = body
                .split("\r\n")
                .find(|line| line.starts_with(char::is_alphabetic));
            Some(word.expect("there is a word").to_owned())
        }
        Some("404") => None,
        _ => panic!("{answer}"),
    }
}

/// Looks until there is something.
#[track_caller]
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + SEEN_MAX;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "never seen: {what}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}

#[track_caller]
fn assert_written(at: SocketAddr, key: &str, word: &str) {
    let found = until(key, || written(at, key));
    assert_eq!(found, word, "{key}");
}

/// Deploys a release from a folder of its own.
fn deploy(host: &Host, release: &Release<'_>, arguments: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    release.write(folder.path());
    let file = folder.path().display().to_string();
    let deploy = ["deploy", "--skip-build", "--allow-new-grants", "-f", &file];
    stoa(host, &[&deploy[..], arguments].concat());
}

fn stoa(host: &Host, arguments: &[&str]) {
    let output = Command::new(STOA)
        .args(arguments)
        .arg("--state-dir")
        .arg(host.folder().join(".stoa"))
        .env_remove("STOA_HOST")
        .env_remove("STOA_TOKEN")
        .output()
        .expect("the binary can be run");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {told}");
}

/// Passes bytes on to the server, until it is cut.
struct Proxy {
    address: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let address = listener.local_addr().expect("it has an address");
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let all = Arc::clone(&open);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(server()).expect("the server listens");
                // Known before a byte is passed on.
                let known = [&client, &server].map(|it| it.try_clone().expect("it can be cloned"));
                all.lock().expect("nobody panics").extend(known);
                copy(&client, &server);
                copy(&server, &client);
            }
        });
        Self { address, open }
    }

    /// Ends all connections. New ones are passed on as before.
    fn cut(&self) {
        for stream in self.open.lock().expect("nobody panics").drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

/// Until one of them ends, or is cut.
fn copy(from: &TcpStream, to: &TcpStream) {
    let [from, to] = [from, to].map(|it| it.try_clone().expect("it can be cloned"));
    std::thread::spawn(move || {
        std::io::copy(&mut &from, &mut &to).ok();
        to.shutdown(Shutdown::Both).ok();
    });
}

#[test]
fn what_is_no_address_of_redis_is_told_at_the_start_without_being_shown() {
    let release = Release {
        probe: PROBES[0],
        address: "http://:hunter2@localhost",
        channel: "c",
        word: "one",
    };
    let ended = release.launch().fail();
    assert_eq!(ended.status.code(), Some(64), "{}", ended.stderr);
    let part = "trigger `news`: its address is not `redis://";
    assert!(ended.stderr.contains(part), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[test]
fn without_a_server_the_host_serves_and_tries_again_without_telling_the_password() {
    let free = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let place = free.local_addr().expect("it has an address");
    drop(free);
    let release = Release {
        probe: PROBES[0],
        address: &format!("redis://:hunter2@{place}"),
        channel: &channel(),
        word: "one",
    };
    let host = release.launch().start();
    for _ in 0..2 {
        let told = host.logged("is not listened to, will try again");
        assert!(!told.contains("hunter2"), "{told}");
    }
    assert_eq!(written(host.address(), "a"), None);
}

#[test]
fn a_message_that_is_not_taken_is_lost_alone() {
    for probe in PROBES {
        let channel = channel();
        let host = listening(launch(probe, &channel));
        let mut publisher = Publisher::open();
        for message in ["write", "panic", "\\xff", "write good"] {
            assert_eq!(publisher.publish(&channel, message), 1);
        }
        assert_written(host.address(), "good", "one");
    }
}

/// A release whose listener may call these hosts, with a component beside it that answers when it is called.
fn calling(release: &Release<'_>, hosts: &str) -> Launch {
    let launch = release.launch();
    let copied = std::fs::copy(probe("chain-03"), launch.folder().join("back.wasm"));
    copied.expect("it can be copied");
    let listener = "[component.listener]\n";
    let allowed = format!("{listener}allowed_outbound_hosts = [{hosts}]\n");
    let back = "[[trigger.http]]\nroute = \"/back/...\"\ncomponent = \"back\"\n\
                [component.back]\nsource = \"back.wasm\"\nenvironment = { WORD = \"behind\" }\n";
    let manifest = release.manifest().replace(listener, &allowed) + back;
    std::fs::write(launch.folder().join("spin.toml"), manifest).expect("it can be written");
    launch
}

/// Calls of a component that messages start, with what is written down of each.
fn assert_called(hosts: &str, calls: &[(&str, &str)]) {
    for probe in PROBES {
        let channel = channel();
        let release = Release {
            probe,
            address: &address(),
            channel: &channel,
            word: "one",
        };
        let host = listening(calling(&release, hosts));
        let mut publisher = Publisher::open();
        for (number, (url, word)) in calls.iter().enumerate() {
            let key = format!("call{number}");
            publisher.publish(&channel, &format!("call {key} {url}"));
            assert_written(host.address(), &key, word);
        }
    }
}

#[test]
fn a_message_does_not_let_a_component_call_whom_it_may_not() {
    let calls = [
        ("http://back.spin.internal/word", DENIED),
        ("http://self/back/word", DENIED),
    ];
    assert_called("", &calls);
    let elsewhere = [
        ("http://back.spin.internal/word", DENIED),
        // It answers no HTTP, so it has no name to be called by.
        ("http://listener.spin.internal/word", "ConnectionRefused"),
        ("http://missing.spin.internal/word", "ConnectionRefused"),
    ];
    let hosts = "\"http://listener.spin.internal\", \"http://missing.spin.internal\"";
    assert_called(hosts, &elsewhere);
}

#[test]
fn a_component_that_a_message_started_calls_others_of_its_release() {
    let calls = [
        ("http://back.spin.internal/word", "behind"),
        ("http://self/back/word", "behind"),
        ("http://back.spin.internal/call?url=http://self/", DENIED),
    ];
    assert_called("\"http://*.spin.internal\", \"http://self\"", &calls);
}

#[test]
fn messages_are_handled_one_after_the_other() {
    for probe in PROBES {
        let channel = channel();
        let host = listening(launch(probe, &channel));
        let mut publisher = Publisher::open();
        publisher.publish(&channel, "write first 300");
        publisher.publish(&channel, "write second");
        assert_written(host.address(), "second", "one");
        let first = written(host.address(), "first");
        assert_eq!(first.as_deref(), Some("one"), "{probe}");
    }
}

#[test]
fn no_message_is_lost_by_a_deploy_and_none_is_handled_twice() {
    let channel = channel();
    let host = listening(launch(PROBES[0], &channel));
    let at = host.address();
    let next = Release {
        probe: PROBES[0],
        address: &address(),
        channel: &channel,
        word: "two",
    };
    let (done, begun) = (AtomicBool::new(false), Instant::now());
    let published = std::thread::scope(|scope| {
        let publishing = scope.spawn(|| {
            let mut publisher = Publisher::open();
            let mut published = 0;
            // Some before the deploy, some beside it, some after it. Each is heard once.
            while published < 10 || !done.load(Ordering::SeqCst) {
                assert!(begun.elapsed() < SEEN_MAX, "the deploy takes too long");
                let message = format!("m{published}");
                let heard = publisher.publish(&channel, &format!("write {message}"));
                assert_eq!(heard, 1, "{message}");
                until(&message, || written(at, &message));
                published += 1;
            }
            assert_eq!(publisher.publish(&channel, "write last"), 1);
            published
        });
        until("m0", || written(at, "m0"));
        deploy(&host, &next, &[]);
        done.store(true, Ordering::SeqCst);
        publishing.join().expect("every message was heard by one")
    });
    assert_written(at, "last", "two");
    let words: Vec<String> = (0..published)
        .map(|number| written(at, &format!("m{number}")).expect("it was seen"))
        .collect();
    assert_eq!(words[0], "one");
    assert!(words.is_sorted(), "a message went back: {words:?}");
}

#[test]
fn a_message_at_work_is_finished_by_the_release_that_has_it() {
    let channel = channel();
    let host = listening(launch(PROBES[0], &channel));
    let at = host.address();
    let mut publisher = Publisher::open();
    publisher.publish(&channel, "write slow 3000");
    assert_written(at, "slow:begun", "one");
    let next = Release {
        probe: PROBES[0],
        address: &address(),
        channel: &channel,
        word: "two",
    };
    deploy(&host, &next, &[]);
    publisher.publish(&channel, "write next");
    assert_written(at, "next", "two");
    assert_eq!(written(at, "slow").as_deref(), Some("one"));
}

#[test]
fn a_candidate_hears_nothing_until_it_is_promoted() {
    let channel = channel();
    let host = listening(launch(PROBES[0], &channel));
    let next = Release {
        probe: PROBES[0],
        address: &address(),
        channel: &channel,
        word: "two",
    };
    deploy(&host, &next, &["--strategy", "blue-green"]);
    let mut publisher = Publisher::open();
    assert_eq!(publisher.publish(&channel, "write beside"), 1);
    assert_written(host.address(), "beside", "one");
    stoa(&host, &["promote"]);
    assert_eq!(publisher.publish(&channel, "write after"), 1);
    assert_written(host.address(), "after", "two");
}

#[test]
fn a_release_that_listens_elsewhere_leaves_the_old_channel() {
    let (old, new) = (channel(), channel());
    let host = listening(launch(PROBES[0], &old));
    let next = Release {
        probe: PROBES[0],
        address: &address(),
        channel: &new,
        word: "two",
    };
    deploy(&host, &next, &[]);
    host.logged(LISTENING);
    let mut publisher = Publisher::open();
    until("nobody listens to the old one", || {
        (publisher.publish(&old, "ok") == 0).then_some(())
    });
    assert_eq!(publisher.publish(&new, "write new"), 1);
    assert_written(host.address(), "new", "two");
}

#[test]
fn a_server_that_comes_back_is_listened_to_again() {
    let (channel, proxy) = (channel(), Proxy::start());
    let release = Release {
        probe: PROBES[0],
        address: &format!("redis://{}", proxy.address),
        channel: &channel,
        word: "one",
    };
    let host = listening(release.launch());
    let mut publisher = Publisher::open();
    for round in 0..3 {
        let message = format!("round{round}");
        let heard = publisher.publish(&channel, &format!("write {message}"));
        assert_eq!(heard, 1, "{message}");
        assert_written(host.address(), &message, "one");
        proxy.cut();
        host.logged("is not listened to, will try again");
        host.logged(LISTENING);
    }
    assert_eq!(publisher.publish(&channel, "write end"), 1);
    assert_written(host.address(), "end", "one");
}

#[test]
fn a_host_that_ends_finishes_the_message_that_is_at_work() {
    for probe in PROBES {
        let channel = channel();
        let host = listening(launch(probe, &channel));
        let mut publisher = Publisher::open();
        publisher.publish(&channel, "write slow 500");
        assert_written(host.address(), "slow:begun", "one");
        host.signal("TERM");
        let host = host.restarted();
        let slow = written(host.address(), "slow");
        assert_eq!(slow.as_deref(), Some("one"), "{probe}");
    }
}
