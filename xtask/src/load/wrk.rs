//! `wrk`, told by a small script what to send where that is more than a path.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;

use super::{Ask, CONNECTIONS, Rate};
use crate::process;
use crate::scratch::Scratch;

/// What `wrk` needs beside the measured time.
const MARGIN: Duration = Duration::from_secs(30);
/// Longer than `wrk` waits by itself: slow answers are answers.
const ANSWER_MAX: &str = "10s";

/// Reads a file that lies beside the script, because a body may hold anything.
const READ: &str = r#"
local function read(file)
  local stream = assert(io.open(file, "rb"))
  local bytes = stream:read("*a")
  stream:close()
  return bytes
end
"#;

pub(super) fn measure(address: SocketAddr, asks: &[Ask], seconds: u64) -> anyhow::Result<Rate> {
    let mut command = process::command("wrk", Path::new("/"));
    command
        .arg("-t2")
        .arg(format!("-c{CONNECTIONS}"))
        .arg(format!("-d{seconds}s"))
        .args(["--timeout", ANSWER_MAX]);
    // It lasts as long as `wrk` reads it.
    let folder = folder()?;
    let path = match asks {
        [ask] if ask.is_plain() => ask.path.as_str(),
        asks => {
            command.arg("--script").arg(script(folder.path(), asks)?);
            "/"
        }
    };
    command.arg(format!("http://{address}{path}"));
    let limit = Duration::from_secs(seconds) + MARGIN;
    let report = process::successful(&mut command, limit)?;
    read(&report).with_context(|| format!("not a report of wrk: {report}"))
}

/// Another one each time.
fn folder() -> anyhow::Result<Scratch> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    Scratch::new(&format!("stoa-wrk-{number}"))
}

fn script(folder: &Path, asks: &[Ask]) -> anyhow::Result<PathBuf> {
    let mut text = format!("{READ}local requests, turn = {{}}, 0\nfunction init()\n");
    for (number, ask) in asks.iter().enumerate() {
        let file = folder.join(format!("body-{number}"));
        fs::write(&file, &ask.body)
            .with_context(|| format!("cannot write `{}`", file.display()))?;
        writeln!(text, "  requests[{}] = {}", number + 1, format(ask, &file))?;
    }
    text.push_str("end\n");
    text.push_str(match asks {
        // Nothing to choose: the answer to `request` is asked for every time, so it is kept short.
        [_] => "function request()\n  return requests[1]\nend\n",
        _ => "function request()\n  turn = turn % #requests + 1\n  return requests[turn]\nend\n",
    });
    let file = folder.join("load.lua");
    fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(file)
}

/// The request as an expression. Paths and headers are plain ASCII, which Lua quotes as Rust does.
fn format(ask: &Ask, body: &Path) -> String {
    let headers: Vec<String> = ask
        .headers
        .iter()
        .map(|(name, value)| format!("[{name:?}] = {value:?}"))
        .collect();
    let body = match ask.method {
        "GET" => "nil".to_owned(),
        _ => format!("read({body:?})"),
    };
    format!(
        "wrk.format({:?}, {:?}, {{{}}}, {body})",
        ask.method,
        ask.path,
        headers.join(", ")
    )
}

/// Reads a report.
fn read(report: &str) -> Option<Rate> {
    let value = |name: &str| {
        report
            .lines()
            .find_map(|line| line.trim().strip_prefix(name))
    };
    let refused =
        value("Non-2xx or 3xx responses:").and_then(|count| count.trim().parse::<u64>().ok());
    // `connect 0, read 0, write 0, timeout 0`
    let lost = value("Socket errors:").map_or(0, |counts| {
        counts
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|count| count.parse::<u64>().ok())
            .sum::<u64>()
    });
    Some(Rate {
        requests_per_second: value("Requests/sec:")?.trim().parse::<f64>().ok()?,
        failures: refused.unwrap_or(0) + lost,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_report_are_added_up() {
        let report = "  Socket errors: connect 0, read 2, write 0, timeout 1\n  \
                      Non-2xx or 3xx responses: 4\nRequests/sec:  12345.67\n";
        let expected = Rate {
            requests_per_second: 12345.67,
            failures: 7,
        };
        assert_eq!(read(report), Some(expected));
    }

    #[test]
    fn a_report_without_a_rate_is_none() {
        assert_eq!(read("unable to connect"), None);
    }

    #[test]
    fn a_request_is_formatted_with_its_headers_and_body() {
        let body = Path::new("/tmp/body-0");
        assert_eq!(
            format(&Ask::get("/ok"), body),
            r#"wrk.format("GET", "/ok", {}, nil)"#
        );
        assert_eq!(
            format(&Ask::post("/", "text/plain", "x"), body),
            r#"wrk.format("POST", "/", {["content-type"] = "text/plain"}, read("/tmp/body-0"))"#
        );
    }
}
