//! Lines for whoever started us. Nobody may be reading them any more: `println!` would end the host for that, these
//! functions go on.

use std::fmt::Display;
use std::io::{self, Write};

/// A line of what was asked for, to standard output.
pub(crate) fn line(text: impl Display) {
    write(&mut io::stdout().lock(), &format!("{text}\n"));
}

/// A line about how it goes, to standard error.
pub(crate) fn note(text: impl Display) {
    write(&mut io::stderr().lock(), &format!("{text}\n"));
}

/// A part of a line, to standard error.
pub(crate) fn part(text: impl Display) {
    write(&mut io::stderr().lock(), &text.to_string());
}

fn write(to: &mut impl Write, text: &str) {
    // Whoever could be told of a failure is who does not read.
    drop(to.write_all(text.as_bytes()).and_then(|()| to.flush()));
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_closed_output_is_no_reason_to_end() {
        write(&mut Closed, "nobody reads this\n");
    }
}
