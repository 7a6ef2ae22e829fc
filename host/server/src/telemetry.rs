//! Log lines, and how an error is shown.

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use crate::client::show;
use crate::logs::Logs;

/// Sends log lines to standard error: `RUST_LOG` filters them, `info` and up by default. Those about components are kept
/// as well, whatever `RUST_LOG` says.
pub(crate) fn start() -> Logs {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        // It would tell of a closed standard error there, with `eprintln!`, and that panics.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(filter);
    let logs = Logs::new();
    registry().with(lines).with(logs.layer()).init();
    logs
}

/// An error and its causes, for a person: the first line says what, the others why. Wherever a part of it comes from, it
/// moves no cursor.
pub(crate) fn worded(error: &anyhow::Error) -> String {
    let text = error.to_string();
    // Mistakes in files come with their own heading, place and hint.
    let mut shown = if text.starts_with("error") {
        text
    } else {
        format!("error: {text}")
    };
    for cause in error.chain().skip(1) {
        shown.push_str(&format!("\n  because: {cause}"));
    }
    show::plain_lines(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes_and_moves_no_cursor() {
        let error = anyhow::anyhow!("\u{1b}[2Jgone").context("cannot read it\n  = hint: do");
        assert_eq!(
            worded(&error),
            "error: cannot read it\n  = hint: do\n  because: \\u{1b}[2Jgone"
        );
    }
}
