//! Log lines, and how an error is shown.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error: `RUST_LOG` filters them, `info` and up by default.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would tell of a closed standard error there, with `eprintln!`, and that panics.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// An error and its causes, for a person: the first line says what, the others why.
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
    shown
}
