//! What applications talk to: echoes of this program's own, and servers of this machine, or those that the environment
//! names.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whoever is silent for so long has left; a bound for broken runs, not a measure.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Servers, each with the variable that names another one, and where it is otherwise.
const SERVERS: [(&str, &str, &str); 4] = [
    ("redis", "STOA_TEST_REDIS", "redis://127.0.0.1:6379"),
    (
        "postgres",
        "STOA_TEST_POSTGRES",
        "postgres://root@127.0.0.1:5432/test?sslmode=disable",
    ),
    (
        "mysql",
        "STOA_TEST_MYSQL",
        "mysql://root@127.0.0.1:3306/test",
    ),
    ("mqtt", "STOA_TEST_MQTT", "mqtt://127.0.0.1:1883"),
];

/// The address of a server, by its name.
pub(crate) fn address(server: &str) -> String {
    let known = SERVERS.iter().find(|(name, ..)| *name == server);
    let (_, variable, default) = known.unwrap_or_else(|| panic!("there is no server `{server}`"));
    let named = std::env::var(variable).unwrap_or_else(|_| (*default).to_owned());
    named.trim_end_matches('/').to_owned()
}

/// Host and port of an echo or a server.
pub(crate) fn host(service: &str) -> String {
    match service {
        "http-echo" => http_echo().to_string(),
        "tcp-echo" => tcp_echo().to_string(),
        server => {
            let address = address(server);
            let (_, place) = address.split_once("://").expect("an address has a scheme");
            let place = place.split(['/', '?']).next().unwrap_or_default();
            let place = place.rsplit('@').next().unwrap_or_default();
            place.to_owned()
        }
    }
}

/// The port of an echo or a server.
pub(crate) fn port(service: &str) -> String {
    let host = host(service);
    let (_, port) = host.rsplit_once(':').expect("an address has a port");
    port.to_owned()
}

/// A name that nobody else has.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is later than 1970").as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("stoa_test_{now}_{count}")
}

/// An HTTP server that answers every request with its method, its target and its body, in one line without an end; its
/// `x-asked` comes back as `x-answer`.
pub(crate) fn http_echo() -> SocketAddr {
    static ECHO: OnceLock<SocketAddr> = OnceLock::new();
    *ECHO.get_or_init(|| served(|stream| answer(&stream).unwrap_or_default()))
}

/// A TCP server that sends back what it is sent.
pub(crate) fn tcp_echo() -> SocketAddr {
    static ECHO: OnceLock<SocketAddr> = OnceLock::new();
    *ECHO.get_or_init(|| {
        served(|mut stream| {
            let mut bytes = [0; 1024];
            while let Ok(read @ 1..) = stream.read(&mut bytes) {
                if stream.write_all(&bytes[..read]).is_err() {
                    return;
                }
            }
        })
    })
}

/// A thread for each connection: there are few.
fn served(serve: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it has an address");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let bound = Some(SILENCE_MAX);
            stream.set_read_timeout(bound).expect("it can be set");
            stream.set_write_timeout(bound).expect("it can be set");
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Requests of one connection, one after the other. An error is a client that left.
fn answer(stream: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let (mut length, mut chunked, mut asked) = (0, false, String::new());
        let mut is_last = false;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else {
                break;
            };
            match name.to_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "transfer-encoding" => chunked = true,
                "connection" => is_last = value.trim().eq_ignore_ascii_case("close"),
                "x-asked" => value.trim().clone_into(&mut asked),
                _ => {}
            }
        }
        let body = match chunked {
            true => pieces(&mut reader)?,
            false => exactly(&mut reader, length)?,
        };
        let mut words = first.split(' ');
        let (method, target) = (words.next(), words.next());
        let (method, target) = (method.unwrap_or_default(), target.unwrap_or_default());
        let text = format!("{method} {target} {}", String::from_utf8_lossy(&body));
        let text = text.trim_end();
        let head = format!("content-length: {}\r\nx-answer: {asked}", text.len());
        let mut writer = stream;
        write!(writer, "HTTP/1.1 200 OK\r\n{head}\r\n\r\n{text}")?;
        if is_last {
            return Ok(());
        }
    }
}

fn exactly(reader: &mut impl BufRead, length: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn pieces(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        bytes.extend(exactly(reader, size)?);
        // The end of the piece, or of the body, which here has no trailers.
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(bytes);
        }
    }
}

/// Runs a statement with the client of a database, whose name is that of the server.
pub(crate) fn clean(server: &str, statement: &str) {
    let mut client = match server {
        "postgres" => {
            let mut client = Command::new("psql");
            client.args(["--quiet", &address(server), "--command", statement]);
            client
        }
        _ => {
            let address = address(server);
            let (_, rest) = address.split_once("://").expect("an address has a scheme");
            let (user, place) = rest.split_once('@').expect("it names a user");
            let (place, database) = place.split_once('/').expect("it names a database");
            let (host, port) = place.split_once(':').expect("it names a port");
            let mut client = Command::new("mysql");
            client.args([
                "--protocol=tcp",
                "--host",
                host,
                "--port",
                port,
                "--user",
                user,
            ]);
            client.args([database, "--execute", statement]);
            client
        }
    };
    let output = client.output();
    let output = output.unwrap_or_else(|error| panic!("no client of {server}: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{statement}: {told}");
}

/// One command of Redis, and the first line of what it answers.
pub(crate) fn redis(words: &[&str]) -> String {
    let mut stream = TcpStream::connect(host("redis"))
        .expect("these tests need Redis: start one, or name it in STOA_TEST_REDIS");
    let bound = Some(SILENCE_MAX);
    stream.set_read_timeout(bound).expect("it can be set");
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        command += &format!("${}\r\n{word}\r\n", word.len());
    }
    stream.write_all(command.as_bytes()).expect("it is sent");
    let mut line = String::new();
    let read = BufReader::new(stream).read_line(&mut line);
    read.expect("the server answers");
    line.trim_end().to_owned()
}
