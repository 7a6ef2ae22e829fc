//! `stoa logs`: what components print and what the host says of them.

use std::io::{self, Write};

use crate::admin::messages::LogLine;
use crate::cli::remote::Logs;
use crate::client::{self, Client, Error, show};

pub(crate) fn logs(arguments: &Logs) -> anyhow::Result<()> {
    let client = Client::find(&arguments.remote).map_err(Error::told)?;
    client::wait(async {
        let mut lines = client.logs(&query(arguments)).await?;
        while let Some(line) = lines.next().await? {
            // Without a reader there is nothing left to do: following would go on for ever.
            if print(&mut io::stdout().lock(), &line).is_err() {
                break;
            }
        }
        Ok(())
    })
}

fn query(arguments: &Logs) -> Vec<(&'static str, String)> {
    let mut query = vec![
        ("lines", arguments.lines.to_string()),
        ("follow", arguments.follow.to_string()),
    ];
    let component = arguments.component.clone();
    query.extend(component.map(|component| ("component", component)));
    query
}

fn print(to: &mut impl Write, line: &LogLine) -> io::Result<()> {
    to.write_all(format!("{}\n", told(line)).as_bytes())?;
    to.flush()
}

fn told(line: &LogLine) -> String {
    let whose = match (&line.component, &line.revision) {
        (Some(component), Some(revision)) => format!(" {component}@{revision}"),
        (Some(component), None) => format!(" {component}"),
        (None, _) => " host".to_owned(),
    };
    format!(
        "{} {:<5}{}: {}",
        show::time(line.at_ms),
        show::plain(&line.level),
        show::plain(&whose),
        show::plain(&line.text)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(component: Option<&str>, revision: Option<&str>, text: &str) -> LogLine {
        LogLine {
            at_ms: 1_764_079_387_123,
            level: "info".into(),
            component: component.map(Into::into),
            revision: revision.map(Into::into),
            text: text.into(),
        }
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn it_ends_when_nobody_reads_on() {
        assert!(print(&mut Closed, &line(None, None, "x")).is_err());
    }

    #[test]
    fn a_line_tells_when_and_whose_it_is() {
        for (line, shown) in [
            (
                line(Some("products"), Some("a1b2"), "sold"),
                "2025-11-25 14:03:07Z info  products@a1b2: sold",
            ),
            (
                line(Some("products"), None, "sold"),
                "2025-11-25 14:03:07Z info  products: sold",
            ),
            (
                line(None, None, "up"),
                "2025-11-25 14:03:07Z info  host: up",
            ),
        ] {
            let mut printed = Vec::new();
            print(&mut printed, &line).expect("a vector takes all");
            assert_eq!(String::from_utf8_lossy(&printed), format!("{shown}\n"));
        }
    }

    #[test]
    fn what_a_component_prints_moves_no_cursor() {
        let told = told(&line(Some("a"), None, "\u{1b}[2J\u{1b}]0;title\u{7}"));
        assert!(!told.chars().any(char::is_control), "{told}");
    }
}
