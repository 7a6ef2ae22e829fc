//! What a command may do as a CGI program, good and bad, chosen by the path, which is its first argument; the others are
//! parameters:
//!
//! | path | what happens |
//! |---|---|
//! | `/ok` | `ok` |
//! | `/echo type=T length=N` | standard input, as it arrives; T and N are said of it, where they are given |
//! | `/arguments` | the arguments, a line each |
//! | `/environment name=X` | the environment variable, or 404 |
//! | `/status code=N`, `/redirect` | the status N; a location alone |
//! | `/head` | what the environment variable `HEAD` says, then `ok` |
//! | `/fields count=N` | `ok`, with N header fields |
//! | `/large bytes=N` | so many bytes, announced |
//! | `/ignore-body` | `ignored`; standard input is not read |
//! | `/stream count=N delay-ms=M` | `tick 1` to `tick N`, a line each, with a pause before each |
//! | `/compute rounds=N` | a number that takes N rounds of arithmetic, about a nanosecond each |
//! | `/exit code=N` | `ok`, then it exits with N |
//! | `/exit-midway code=N` | `first`, which arrives, then it exits with N |
//! | `/print` | `printed`; a line on standard error |
//! | `/count` | how many requests this instance has been given |
//! | `/nothing`, `/flood-head` | prints nothing; fields without end |
//! | `/never` | waits for a year |
//! | `/linger`, `/linger-loop` | `ok`, then waits for a year, or never returns |
//! | `/trap-midway` | `first`, then a trap |
//! | `/panic`, `/loop`, `/allocate` | panics; never returns; takes memory without end |

use std::hint::{black_box, spin_loop};
use std::io::{self, Read, Write};
use std::time::Duration;

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Time for the host to pass on what it was given before the instance is gone.
const PAUSE: Duration = Duration::from_millis(100);
const BLOCK_BYTES: usize = 1024 * 1024;
const CHUNK_BYTES: usize = 64 * 1024;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let path = arguments.first().map_or("", String::as_str);
    match path {
        "/ok" => whole("ok"),
        "/echo" => echo(&arguments),
        "/arguments" => whole(&arguments.join("\n")),
        "/environment" => environment(&parameter(&arguments, "name")),
        "/status" => print(&format!("status: {}\n\n", number(&arguments, "code"))),
        "/redirect" => print("location: /there\n\n"),
        "/head" => print(&format!("{}\n\nok", value("HEAD").unwrap_or_default())),
        "/fields" => fields(number(&arguments, "count")),
        "/large" => large(number(&arguments, "bytes") as usize),
        "/ignore-body" => whole("ignored"),
        "/stream" => ticks(&arguments),
        "/compute" => whole(&compute(number(&arguments, "rounds")).to_string()),
        "/exit" => {
            whole("ok")?;
            std::process::exit(number(&arguments, "code") as i32);
        }
        "/exit-midway" => {
            begin("text/plain")?;
            print("first\n")?;
            std::thread::sleep(PAUSE);
            std::process::exit(number(&arguments, "code") as i32);
        }
        "/print" => {
            eprintln!("the probe prints to standard error");
            whole("printed")
        }
        // A command is started once.
        "/count" => whole("1"),
        "/nothing" => Ok(()),
        "/flood-head" => loop {
            print("x-a: 1\n")?;
        },
        "/never" => wait(),
        "/linger" => {
            whole("ok")?;
            wait()
        }
        "/linger-loop" => {
            whole("ok")?;
            spin()
        }
        "/trap-midway" => {
            begin("text/plain")?;
            print("first\n")?;
            std::thread::sleep(PAUSE);
            std::process::abort();
        }
        "/panic" => panic!("the probe panics, as it was asked to"),
        "/loop" => spin(),
        "/allocate" => allocate(),
        _ => print("status: 404\n\nno such behaviour"),
    }
}

/// Prints and flushes: what is printed is on its way.
fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// A whole answer, whose length is announced.
fn whole(text: &str) -> io::Result<()> {
    let length = text.len();
    print(&format!(
        "content-type: text/plain\ncontent-length: {length}\n\n{text}"
    ))
}

fn begin(media: &str) -> io::Result<()> {
    print(&format!("content-type: {media}\n\n"))
}

fn echo(arguments: &[String]) -> io::Result<()> {
    let (media, length) = (parameter(arguments, "type"), parameter(arguments, "length"));
    let media = match media.is_empty() {
        true => "application/octet-stream",
        false => &media,
    };
    if !length.is_empty() {
        print(&format!("content-length: {length}\n"))?;
    }
    begin(media)?;
    let (mut stdin, mut stdout) = (io::stdin().lock(), io::stdout().lock());
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        // What `main` returns is no failure of a command; its code is.
        match stdin
            .read(&mut chunk)
            .unwrap_or_else(|_| std::process::exit(1))
        {
            0 => return Ok(()),
            read => {
                stdout.write_all(&chunk[..read])?;
                stdout.flush()?;
            }
        }
    }
}

fn environment(name: &str) -> io::Result<()> {
    match value(name) {
        Some(value) => whole(&value),
        None => print("status: 404\n\n"),
    }
}

fn value(name: &str) -> Option<String> {
    std::env::vars()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value)
}

fn fields(count: u64) -> io::Result<()> {
    let fields: String = (1..count).map(|n| format!("x-{n}: 1\n")).collect();
    print(&format!("{fields}content-type: text/plain\n\nok"))
}

fn large(bytes: usize) -> io::Result<()> {
    whole(&"x".repeat(bytes))
}

fn ticks(arguments: &[String]) -> io::Result<()> {
    begin("text/plain")?;
    let pause = Duration::from_millis(number(arguments, "delay-ms"));
    for tick in 1..=number(arguments, "count") {
        std::thread::sleep(pause);
        print(&format!("tick {tick}\n"))?;
    }
    Ok(())
}

/// Arithmetic that no compiler can leave out: each round needs the last.
fn compute(rounds: u64) -> u64 {
    (0..rounds).fold(1, |state, _| {
        black_box(state) ^ (state << 13) ^ (state >> 7)
    })
}

fn wait() -> io::Result<()> {
    std::thread::sleep(YEAR);
    Ok(())
}

fn spin() -> io::Result<()> {
    loop {
        spin_loop();
    }
}

/// Takes and touches memory until there is none.
fn allocate() -> io::Result<()> {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; BLOCK_BYTES]));
    }
}

fn number(arguments: &[String], name: &str) -> u64 {
    parameter(arguments, name).parse().unwrap_or(0)
}

fn parameter(arguments: &[String], name: &str) -> String {
    let named = |argument: &String| {
        let (key, value) = argument.split_once('=')?;
        (key == name).then(|| value.to_owned())
    };
    arguments.iter().find_map(named).unwrap_or_default()
}
