//! Log lines, and how an error is shown.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io::IsTerminal;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::FilterExt;
use tracing_subscriber::layer::{Context, Filter, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use crate::client::show;
use crate::logs::Logs;
use crate::printouts::Printouts;

/// What guests print goes here, whatever their component is called.
pub(crate) const GUEST: &str = "guest";

/// Where log lines go besides standard error.
pub(crate) struct Telemetry {
    /// Kept in memory, for whoever asks the admin API.
    pub(crate) logs: Logs,
    /// Into files, once these are opened.
    pub(crate) printouts: Printouts,
}

/// What of that which components print is shown on standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Printed {
    All,
    Nothing,
    /// What these components print.
    Of(BTreeSet<String>),
}

/// Sends log lines to standard error: `RUST_LOG` filters them, `info` and up by default. Those about components are kept
/// as well, whatever `RUST_LOG` says and whatever is shown.
pub(crate) fn start(printed: Printed) -> Telemetry {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        // It would tell of a closed standard error there, with `eprintln!`, and that panics.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(filter.and(printed));
    let (logs, printouts) = (Logs::new(), Printouts::default());
    registry()
        .with(lines)
        .with(logs.layer())
        .with(printouts.layer())
        .init();
    Telemetry { logs, printouts }
}

// === impl Printed ===

impl<S: Subscriber> Filter<S> for Printed {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        metadata.target() != GUEST || *self != Self::Nothing
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self {
            Self::Nothing if metadata.target() == GUEST => Interest::never(),
            Self::Of(_) if metadata.target() == GUEST => Interest::sometimes(),
            _ => Interest::always(),
        }
    }

    /// No level is left out for its own sake: without this, none would be for the other filter's.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        match self {
            Self::Of(components) if event.metadata().target() == GUEST => {
                let mut whose = Whose {
                    components,
                    found: false,
                };
                event.record(&mut whose);
                whose.found
            }
            _ => true,
        }
    }
}

/// Finds out whether an event is one of these components.
struct Whose<'a> {
    components: &'a BTreeSet<String>,
    found: bool,
}

impl Visit for Whose<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "component" {
            self.found = self.components.contains(&format!("{value:?}"));
        }
    }
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
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Remembers the messages that come through.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Seen {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut message = Message(String::new());
            event.record(&mut message);
            self.0.lock().expect("it is not poisoned").push(message.0);
        }
    }

    struct Message(String);

    impl Visit for Message {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            if field.name() == "message" {
                self.0 = format!("{value:?}");
            }
        }
    }

    fn shown(printed: Printed) -> Vec<String> {
        let seen = Seen::default();
        let lines = seen
            .clone()
            .with_filter(EnvFilter::new("info").and(printed));
        tracing::subscriber::with_default(registry().with(lines), || {
            let (a, b) = ("a", "b");
            tracing::info!(target: "guest", component = %a, "of a");
            tracing::info!(target: "guest", component = %b, "of b");
            tracing::info!(component = %a, "of the host");
        });
        let seen = seen.0.lock().expect("it is not poisoned");
        seen.clone()
    }

    #[test]
    fn who_wants_nothing_of_components_still_hears_the_host() {
        assert_eq!(shown(Printed::Nothing), ["of the host"]);
    }

    #[test]
    fn whoever_follows_one_component_hears_no_other() {
        let only = Printed::Of(["b".to_owned()].into());
        assert_eq!(shown(only), ["of b", "of the host"]);
        assert_eq!(shown(Printed::All), ["of a", "of b", "of the host"]);
    }

    #[test]
    fn an_error_is_told_with_its_causes_and_moves_no_cursor() {
        let error = anyhow::anyhow!("\u{1b}[2Jgone").context("cannot read it\n  = hint: do");
        assert_eq!(
            worded(&error),
            "error: cannot read it\n  = hint: do\n  because: \\u{1b}[2Jgone"
        );
    }
}
