//! A connection that is open, and how far its server is with what it was asked.

use std::collections::VecDeque;
use std::pin::pin;
use std::task::{Context, Waker};

use stoa_capabilities::mysql::{Column, Value};
use stoa_capabilities::releases::Digest;

use super::failure::Failure;
use super::frames::Wire;
use super::packet::{self, Head, PACKET_BYTES_MAX, Prepared};
use super::value;
use crate::pool;

/// Statements that a server keeps prepared for a connection, until it is given back.
const STATEMENTS_MAX: usize = 8;
/// What describes the columns of a result, or the parameters of a statement, all together.
const DESCRIPTION_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of results that are read past, because nobody wants them but something else is to follow; more if a result may
/// hold more. A server that sends without end is closed.
const PASSED_BYTES_MAX: usize = 128 * 1024 * 1024;
/// What a packet counts at least, because reading it is work.
const PASSED_BYTES_MIN: usize = 64;

pub(super) struct Session {
    wire: Wire,
    /// The database that a new session is in.
    database: Option<String>,
    pub(super) result_bytes_max: usize,
    phase: Phase,
    /// The one that was used last comes last.
    statements: VecDeque<Statement>,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A command of ours.
    Idle,
    /// A row of a result, or its end.
    Rows,
    /// Another result.
    More,
    /// A command was sent in part, or its answer was not understood: nothing can follow.
    Midway,
}

struct Statement {
    /// Of its text, which may be long.
    digest: Digest,
    id: u32,
    parameters: usize,
}

// === impl Phase ===

impl Phase {
    fn after(more: bool) -> Self {
        match more {
            true => Self::More,
            false => Self::Idle,
        }
    }
}

// === impl Session ===

impl Session {
    /// A session that was just let in.
    pub(super) fn new(wire: Wire, database: Option<String>, result_bytes_max: usize) -> Self {
        Self {
            wire,
            database,
            result_bytes_max,
            phase: Phase::Idle,
            statements: VecDeque::new(),
        }
    }

    /// Whether nothing can follow.
    pub(super) fn is_midway(&self) -> bool {
        self.phase == Phase::Midway
    }

    /// Whether all was read.
    pub(super) fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    /// Whether there are rows, or their end, to be read.
    pub(super) fn has_rows(&self) -> bool {
        self.phase == Phase::Rows
    }

    /// Runs a statement until the columns of its first result are known. What is left of results before it is read past.
    /// Given up midway, nothing can follow.
    pub(super) async fn start(
        &mut self,
        text: &str,
        parameters: &[Value],
    ) -> Result<Vec<Column>, Failure> {
        match self.finish().await {
            // That is no matter of this statement.
            Ok(()) | Err(Failure::Refused(_)) => {}
            Err(failure) => return Err(failure),
        }
        self.phase = Phase::Midway;
        let started = self.run(text, parameters).await;
        self.settled(started)
    }

    /// The next row, in a packet of at most so many bytes; none at the end of the rows. Given up midway, it is gone on
    /// with.
    pub(super) async fn row(&mut self, bytes_max: usize) -> Result<Option<Vec<u8>>, Failure> {
        // The end of the rows, and a refusal, must come through.
        let bytes_max = bytes_max.max(PACKET_BYTES_MAX);
        let packet = self.wire.packet(bytes_max).await;
        let row = packet.and_then(|packet| match packet::end(&packet)? {
            Some(more) => {
                self.phase = Phase::after(more);
                Ok(None)
            }
            None => Ok(Some(packet)),
        });
        self.settled(row)
    }

    /// Reads past all that is left of a statement's results.
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
        let mut left = self.result_bytes_max.max(PASSED_BYTES_MAX);
        loop {
            let passed = match self.phase {
                Phase::Idle => return Ok(()),
                Phase::Midway => return Err(Failure::LOST),
                Phase::Rows => {
                    let row = self.row(self.result_bytes_max).await?;
                    row.map_or(0, |row| row.len())
                }
                Phase::More => {
                    self.phase = Phase::Midway;
                    let head = self.head().await;
                    self.settled(head)?.bytes
                }
            };
            match left.checked_sub(passed.max(PASSED_BYTES_MIN)) {
                Some(rest) => left = rest,
                None => return self.settled(Err(Failure::TooLarge)),
            }
        }
    }

    /// What a failure leaves of the connection.
    pub(super) fn settled<T>(&mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        match &outcome {
            Ok(_) | Err(Failure::Value(_)) => {}
            Err(Failure::Refused(_)) => self.phase = Phase::Idle,
            Err(Failure::TooLarge | Failure::Broken(_)) => self.phase = Phase::Midway,
        }
        outcome
    }

    async fn run(&mut self, text: &str, parameters: &[Value]) -> Result<Vec<Column>, Failure> {
        let (id, wanted) = self.prepared(text).await?;
        if wanted != parameters.len() {
            let given = parameters.len();
            return Err(Failure::Refused(format!(
                "the statement takes {wanted} parameters, and {given} were given"
            )));
        }
        let execution = value::execution(id, parameters);
        self.wire.command(&execution).await?;
        Ok(self.head().await?.columns)
    }

    /// The number of a statement, and how many parameters it takes.
    async fn prepared(&mut self, text: &str) -> Result<(u32, usize), Failure> {
        let digest = Digest::of(text.as_bytes());
        let mut known = self.statements.iter();
        let known = known.position(|statement| statement.digest == digest);
        let statement = match known.and_then(|place| self.statements.remove(place)) {
            Some(statement) => statement,
            None => self.prepare(text, digest).await?,
        };
        let found = (statement.id, statement.parameters);
        self.statements.push_back(statement);
        Ok(found)
    }

    async fn prepare(&mut self, text: &str, digest: Digest) -> Result<Statement, Failure> {
        if self.statements.len() >= STATEMENTS_MAX
            && let Some(oldest) = self.statements.pop_front()
        {
            // It is not answered.
            let close = [&[packet::CLOSE][..], &oldest.id.to_le_bytes()].concat();
            self.wire.command(&close).await?;
        }
        let prepare = [&[packet::PREPARE][..], text.as_bytes()].concat();
        self.wire.command(&prepare).await?;
        let packet = self.wire.packet(PACKET_BYTES_MAX).await?;
        let Prepared {
            id,
            columns,
            parameters,
        } = packet::prepared(&packet)?;
        // Described again with each result, as they are by then.
        self.described(parameters).await?;
        self.described(columns).await?;
        Ok(Statement {
            digest,
            id,
            parameters,
        })
    }

    /// How the next result begins.
    async fn head(&mut self) -> Result<Described, Failure> {
        let packet = self.wire.packet(PACKET_BYTES_MAX).await?;
        match packet::head(&packet)? {
            Head::Done { more } => {
                self.phase = Phase::after(more);
                Ok(Described::default())
            }
            Head::Columns(count) => {
                let described = self.described(count).await?;
                self.phase = Phase::Rows;
                Ok(described)
            }
        }
    }

    /// So many columns or parameters, and what stands behind the last one.
    async fn described(&mut self, count: usize) -> Result<Described, Failure> {
        let mut described = Described::default();
        if count == 0 {
            return Ok(described);
        }
        for _ in 0..count {
            let packet = self.wire.packet(PACKET_BYTES_MAX).await?;
            described.bytes += packet.len();
            if described.bytes > DESCRIPTION_BYTES_MAX {
                return Err(Failure::TooLarge);
            }
            let column = packet::described(&packet)?;
            described.columns.push(value::column(&column));
        }
        let packet = self.wire.packet(PACKET_BYTES_MAX).await?;
        match packet::end(&packet)? {
            Some(_) => Ok(described),
            None => Err(Failure::UNEXPECTED),
        }
    }

    /// A command that has no result.
    async fn done(&mut self, command: &[u8]) -> Result<(), Failure> {
        self.phase = Phase::Midway;
        self.wire.command(command).await?;
        packet::done(&self.wire.packet(PACKET_BYTES_MAX).await?)?;
        self.phase = Phase::Idle;
        Ok(())
    }

    /// A reset undoes everything of a session but the choice of a database.
    async fn as_new(&mut self) -> Result<bool, Failure> {
        self.statements.clear();
        self.done(&[packet::RESET]).await?;
        match &self.database {
            Some(name) => {
                let choice = [&[packet::DATABASE][..], name.as_bytes()].concat();
                self.done(&choice).await?;
                Ok(true)
            }
            // One that was chosen cannot be left.
            None => Ok(!self.is_in_database().await?),
        }
    }

    async fn is_in_database(&mut self) -> Result<bool, Failure> {
        let columns = self.start("SELECT DATABASE()", &[]).await?;
        let row = self.row(PACKET_BYTES_MAX).await?;
        let row = row.ok_or(Failure::UNEXPECTED)?;
        let row = value::row(&row, &columns)?;
        self.finish().await?;
        Ok(row != [Value::Null])
    }
}

/// The columns of a result, and what describing them took.
#[derive(Default)]
struct Described {
    columns: Vec<Column>,
    bytes: usize,
}

impl pool::Session for Session {
    fn is_open(&self) -> bool {
        self.is_idle()
    }

    async fn reset(&mut self) -> bool {
        matches!(self.as_new().await, Ok(true))
    }
}

impl Drop for Session {
    /// Says farewell where somebody listens and there is room for it; a server would log that a client was lost.
    fn drop(&mut self) {
        if self.is_idle() {
            let mut farewell = pin!(self.wire.command(&[packet::QUIT]));
            drop(
                farewell
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop())),
            );
        }
    }
}
