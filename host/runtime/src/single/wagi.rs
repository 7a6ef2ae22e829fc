//! The WAGI executor: a command as a CGI program. The request is its environment, its arguments and its standard input;
//! the answer is what it prints. Both bodies stream, and standard error goes to the log.

mod environment;
mod head;
mod input;
mod output;

use std::pin::{Pin, pin};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http_body::Body;
use http_body_util::BodyExt;
use tracing::debug;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::cli::AsyncStdinStream;
use wasmtime_wasi::p2::bindings::exports::wasi::cli::run::GuestIndices;
use wasmtime_wasi_http::WasiBody;

use super::{Answer, Begun, Call, Export, Outcome, Program};
use crate::instance::State;
use head::{Head, Unfit};
use input::Input;
use output::{Pieces, Rest};

/// What a route with the WAGI executor says of its command, in the extensions of its requests: they are what tells such a
/// request from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wagi {
    /// The command's arguments, separated by single spaces, its own name first. `${SCRIPT_NAME}` is the request's path,
    /// `${ARGS}` its query with spaces for `&`.
    pub argv: Arc<str>,
}

impl Default for Wagi {
    /// As in Spin: the path and the query.
    fn default() -> Self {
        Self {
            argv: "${SCRIPT_NAME} ${ARGS}".into(),
        }
    }
}

/// The `wasi:cli/run` of one component.
pub(crate) struct Command(GuestIndices);

impl Command {
    pub(crate) fn new(pre: &InstancePre<State>) -> wasmtime::Result<Self> {
        GuestIndices::new(pre).map(Self)
    }
}

impl Export for Command {
    fn begin(&self, request: http::Request<WasiBody>) -> Begun {
        let (head, body) = request.into_parts();
        let wagi = head.extensions.get::<Wagi>().cloned().unwrap_or_default();
        let (stdout, pieces) = output::pipe();
        let program = Program {
            arguments: environment::arguments(&wagi.argv, &head.uri),
            environment: environment::variables(&head, body.size_hint().exact()),
            stdin: Box::new(AsyncStdinStream::new(Input::new(body))),
            stdout: Box::new(stdout),
        };
        Begun {
            program: Some(program),
            call: Box::new(Run {
                guest: self.0.clone(),
                pieces,
            }),
        }
    }
}

struct Run {
    guest: GuestIndices,
    pieces: Pieces,
}

#[async_trait]
impl Call for Run {
    async fn run(
        self: Box<Self>,
        store: &mut Store<State>,
        instance: &Instance,
        answer: Answer,
    ) -> wasmtime::Result<Outcome> {
        let Self { guest, mut pieces } = *self;
        let guest = guest.load(&mut *store, instance)?;
        let mut running = pin!(async { exited(guest.call_run(&mut *store).await) });
        let mut head = Head::default();
        let found = match until_head(&mut head, &mut pieces, running.as_mut()).await? {
            Ok(found) => found,
            Err(unfit) => return Ok(Err(unfit.to_string())),
        };
        let response = match head.response() {
            Ok(response) => response,
            Err(unfit) => return Ok(Err(unfit.to_string())),
        };
        let announced = response.headers().get(CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        let rest = Rest::new(found.rest, pieces, announced).boxed_unsync();
        // Whoever asked may have left.
        answer.send(response.map(|()| rest)).ok();
        if !found.ended {
            running.await?;
        }
        Ok(Ok(()))
    }
}

/// The end of the head.
struct Found {
    /// What came after it in the same piece.
    rest: Bytes,
    /// The command has ended.
    ended: bool,
}

/// Reads what the command prints until the head is there, or until it has ended. One that fails in that time has given no
/// answer, whatever it printed.
async fn until_head(
    head: &mut Head,
    pieces: &mut Pieces,
    mut running: Pin<&mut (impl Future<Output = wasmtime::Result<()>> + Send)>,
) -> wasmtime::Result<Result<Found, Unfit>> {
    let mut ended = false;
    loop {
        let piece = tokio::select! {
            biased;
            piece = pieces.next() => piece,
            exit = running.as_mut(), if !ended => {
                exit?;
                ended = true;
                pieces.close();
                continue;
            }
        };
        let Some(piece) = piece else {
            return Ok(Err(Unfit::Unfinished));
        };
        match head.push(&piece) {
            Ok(None) => {}
            Ok(Some(end)) => {
                let rest = piece.slice(end..);
                return Ok(Ok(Found { rest, ended }));
            }
            Err(unfit) => return Ok(Err(unfit)),
        }
    }
}

/// A command that says it failed by what its function returns has answered all the same, as in Spin; one that exits with
/// another code than 0 has not.
fn exited(run: wasmtime::Result<Result<(), ()>>) -> wasmtime::Result<()> {
    match run {
        Ok(Ok(())) => Ok(()),
        Ok(Err(())) => {
            debug!("a command returned an error");
            Ok(())
        }
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(I32Exit(0)) => Ok(()),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use wasmtime_wasi::p2::OutputStream;

    use super::*;

    #[test]
    fn a_command_fails_by_its_exit_code_and_not_by_what_it_returns() {
        let exit = |code| Err(wasmtime::Error::from(I32Exit(code)));
        assert!(exited(exit(1)).is_err());
        assert!(exited(exit(-1)).is_err());
        assert!(exited(Err(wasmtime::Trap::UnreachableCodeReached.into())).is_err());
        for well in [Ok(Ok(())), Ok(Err(())), exit(0)] {
            assert!(exited(well).is_ok());
        }
    }

    #[tokio::test]
    async fn a_command_that_fails_before_its_head_is_complete_has_not_answered() {
        let (_stdout, mut pieces) = output::pipe();
        let mut head = Head::default();
        let failing = pin!(async { exited(Err(I32Exit(1).into())) });
        let outcome = until_head(&mut head, &mut pieces, failing).await;
        assert!(outcome.is_err());
    }

    #[tokio::test]
    async fn what_a_command_printed_before_it_ended_counts_and_without_a_head_it_is_no_answer() {
        for (printed, rest) in [
            ("status: 200\n\nbody", Some("body")),
            ("status: 200\n", None),
            ("", None),
        ] {
            let (mut stdout, mut pieces) = output::pipe();
            let mut head = Head::default();
            let running = pin!(async {
                let bytes = Bytes::from_static(printed.as_bytes());
                OutputStream::check_write(&mut stdout).expect("it is open");
                OutputStream::write(&mut stdout, bytes).expect("there is room");
                Ok(())
            });
            let outcome = until_head(&mut head, &mut pieces, running).await;
            let found = outcome.expect("it ended well").ok();
            let found = found.map(|found| (found.rest, found.ended));
            assert_eq!(found, rest.map(|rest| (Bytes::from(rest), true)));
        }
    }
}
