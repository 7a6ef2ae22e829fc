//! What the packets of a server say, and what those of ours are made of. Only what is asked of them is read.

use super::failure::Failure;
use super::fields::Fields;

/// A packet that holds no row is no longer: names, a message, numbers.
pub(super) const PACKET_BYTES_MAX: usize = 64 * 1024;
/// Columns of a result: as many as a server has in a table.
const COLUMNS_MAX: usize = 4096;
/// Of a server's message, so much is told: eight times what servers write.
const WORDS_BYTES_MAX: usize = 4 * 1024;
/// Bytes of the text that a password is hidden with.
const NONCE_BYTES: usize = 20;

/// With which a packet begins.
const DONE: u8 = 0x00;
const MORE: u8 = 0x01;
const FILE: u8 = 0xfb;
const END: u8 = 0xfe;
const REFUSED: u8 = 0xff;
/// A row may begin like the end of rows, but is longer.
const END_BYTES_MAX: usize = 8;

/// Commands.
pub(super) const QUIT: u8 = 0x01;
pub(super) const DATABASE: u8 = 0x02;
pub(super) const PREPARE: u8 = 0x16;
pub(super) const EXECUTE: u8 = 0x17;
pub(super) const CLOSE: u8 = 0x19;
pub(super) const RESET: u8 = 0x1f;

/// The only version of the protocol.
const VERSION: u8 = 10;
/// What the two sides can do. Files of this host and several statements in one are not among it.
pub(super) const TLS: u32 = 0x800;
pub(super) const PLUGINS: u32 = 0x8_0000;
const LONG_PASSWORD: u32 = 0x1;
const LONG_FLAGS: u32 = 0x4;
pub(super) const IN_DATABASE: u32 = 0x8;
const VERSION_41: u32 = 0x200;
const TRANSACTIONS: u32 = 0x2000;
const SECURE: u32 = 0x8000;
const SEVERAL_RESULTS: u32 = 0x2_0000 | 0x4_0000;
/// Without these there is no talking.
const NEEDED: u32 = VERSION_41 | SECURE;
/// Where a server has them too.
const WANTED: u32 = LONG_FLAGS | TRANSACTIONS | SEVERAL_RESULTS | PLUGINS;

/// Another result follows.
const STATUS_MORE: u16 = 0x8;

/// What a server says first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    capabilities: u32,
    pub(super) nonce: Vec<u8>,
    /// How it would like to be shown a password.
    pub(super) plugin: Vec<u8>,
}

/// What a server says to a login.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Login<'a> {
    Done,
    /// Another way to show the password, hidden with this.
    Other {
        plugin: &'a [u8],
        nonce: &'a [u8],
    },
    /// Something about the way that was chosen.
    More(&'a [u8]),
}

/// How a result begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// It has no rows.
    Done { more: bool },
    /// It has so many columns.
    Columns(usize),
}

/// A statement that a server knows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    pub(super) id: u32,
    pub(super) columns: usize,
    pub(super) parameters: usize,
}

/// A column as it is described.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Described<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: u8,
    pub(super) flags: u16,
}

// === impl Greeting ===

impl Greeting {
    pub(super) fn read(packet: &[u8]) -> Result<Self, Failure> {
        let mut fields = fields(packet)?;
        if fields.u8()? != VERSION {
            return Err(Failure::Broken("this is no MySQL server"));
        }
        // The server's version, and the number of the connection.
        fields.name();
        fields.u32()?;
        let mut nonce = fields.take(8)?.to_vec();
        fields.u8()?;
        let low = fields.u16()?;
        // The text encoding, and the status.
        fields.take(3)?;
        let high = fields.u16()?;
        let nonce_bytes = usize::from(fields.u8()?);
        fields.take(10)?;
        // The number counts a zero at the end, and may be less than what is there.
        let rest = nonce_bytes.saturating_sub(nonce.len()).max(13);
        nonce.extend_from_slice(fields.take(rest)?);
        nonce.truncate(NONCE_BYTES);
        Ok(Self {
            capabilities: u32::from(low) | (u32::from(high) << 16),
            nonce,
            plugin: fields.name().to_vec(),
        })
    }

    pub(super) fn can(&self, capability: u32) -> bool {
        self.capabilities & capability == capability
    }

    /// What both sides can do.
    pub(super) fn common(&self) -> Result<u32, Failure> {
        match self.can(NEEDED) {
            true => Ok(LONG_PASSWORD | NEEDED | (WANTED & self.capabilities)),
            false => Err(Failure::Broken("the server is too old")),
        }
    }
}

// === functions ===

/// What a server says to a login.
pub(super) fn login(packet: &[u8]) -> Result<Login<'_>, Failure> {
    let mut fields = fields(packet)?;
    match fields.u8()? {
        DONE => Ok(Login::Done),
        MORE => Ok(Login::More(fields.rest())),
        END => {
            let plugin = fields.name();
            let nonce = fields.rest();
            let nonce = nonce.strip_suffix(&[0]).unwrap_or(nonce);
            Ok(Login::Other { plugin, nonce })
        }
        _ => Err(Failure::UNEXPECTED),
    }
}

/// What a server says to a command that has no result.
pub(super) fn done(packet: &[u8]) -> Result<(), Failure> {
    match fields(packet)?.u8()? {
        DONE => Ok(()),
        _ => Err(Failure::UNEXPECTED),
    }
}

/// What a server says to a statement that it is to know.
pub(super) fn prepared(packet: &[u8]) -> Result<Prepared, Failure> {
    done(packet)?;
    let mut fields = Fields::new(packet);
    fields.u8()?;
    let (id, columns, parameters) = (fields.u32()?, fields.u16()?, fields.u16()?);
    Ok(Prepared {
        id,
        columns: columns_of(columns.into())?,
        parameters: parameters.into(),
    })
}

/// How a result begins.
pub(super) fn head(packet: &[u8]) -> Result<Head, Failure> {
    let mut fields = fields(packet)?;
    match packet.first() {
        Some(&DONE) => {
            fields.u8()?;
            // How many rows were changed, and the last number that was given out.
            fields.number()?;
            fields.number()?;
            Ok(Head::Done {
                more: fields.u16()? & STATUS_MORE != 0,
            })
        }
        Some(&FILE) => Err(Failure::Broken(
            "the server asks for a file of this machine, which it does not get",
        )),
        _ => match columns_of(fields.number()?)? {
            0 => Err(Failure::UNEXPECTED),
            count => Ok(Head::Columns(count)),
        },
    }
}

/// A column or a parameter.
pub(super) fn described(packet: &[u8]) -> Result<Described<'_>, Failure> {
    let mut fields = fields(packet)?;
    // Where it comes from: catalog, schema, table, and what that is called in the statement.
    for _ in 0..4 {
        fields.bytes()?;
    }
    let name = fields.bytes()?;
    // What it is called in its table, and how much follows.
    fields.bytes()?;
    fields.number()?;
    // The text encoding, and the greatest width.
    fields.take(6)?;
    let (kind, flags) = (fields.u8()?, fields.u16()?);
    Ok(Described { name, kind, flags })
}

/// What stands behind the last column or row: whether another result follows. None where it is something else.
pub(super) fn end(packet: &[u8]) -> Result<Option<bool>, Failure> {
    let mut fields = fields(packet)?;
    if fields.u8()? != END || packet.len() > END_BYTES_MAX {
        return Ok(None);
    }
    // How many warnings there are.
    fields.u16()?;
    Ok(Some(fields.u16()? & STATUS_MORE != 0))
}

/// A packet that says no refusal.
fn fields(packet: &[u8]) -> Result<Fields<'_>, Failure> {
    match packet.split_first() {
        Some((&REFUSED, words)) => Err(refused(words).unwrap_or_else(|failure| failure)),
        Some(_) => Ok(Fields::new(packet)),
        None => Err(Failure::SHORT),
    }
}

/// In the form that clients of MySQL write it.
fn refused(words: &[u8]) -> Result<Failure, Failure> {
    let mut fields = Fields::new(words);
    let code = fields.u16()?;
    let state = match fields.rest().first() {
        Some(b'#') => {
            fields.u8()?;
            format!(" ({})", String::from_utf8_lossy(fields.take(5)?))
        }
        // Who is not let in at all is told no state.
        _ => String::new(),
    };
    let words = fields.rest();
    let words = String::from_utf8_lossy(&words[..words.len().min(WORDS_BYTES_MAX)]);
    Ok(Failure::Refused(format!("ERROR {code}{state}: {words}")))
}

fn columns_of(count: u64) -> Result<usize, Failure> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    match count <= COLUMNS_MAX {
        true => Ok(count),
        false => Err(Failure::Broken("the server tells of too many columns")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What MariaDB 10.11 says first.
    const GREETING: &[u8] = b"\n5.5.5-10.11.19-MariaDB\0\x70\0\0\0;NT=qB8/\0\xfe\xf7-\x02\0\xff\x81\x15\0\0\0\0\0\0\x1d\0\0\0#`>Tk<*ZgyKJ\0mysql_native_password\0";
    /// How MariaDB describes `SELECT 1 AS one`.
    const COLUMN: &[u8] = b"\x03def\0\0\0\x03one\0\x0c?\0\x01\0\0\0\x03\x81\0\0\0\0";

    /// All that begins like a packet and ends early.
    fn cut(packet: &[u8]) -> impl Iterator<Item = &[u8]> {
        (0..packet.len()).map(move |end| &packet[..end])
    }

    #[test]
    fn packets_that_are_cut_off_are_refused() {
        let name = GREETING.len() - b"mysql_native_password\0".len();
        for packet in cut(&GREETING[..name]) {
            assert!(Greeting::read(packet).is_err(), "{packet:?}");
        }
        for packet in cut(&COLUMN[..COLUMN.len() - 3]) {
            assert!(described(packet).is_err(), "{packet:?}");
        }
        for packet in cut(b"\0\x01\0\x02\0") {
            assert!(head(packet).is_err(), "{packet:?}");
        }
        for packet in cut(b"\0\x01\0\0\0\x01\0\x02\0") {
            assert!(prepared(packet).is_err(), "{packet:?}");
        }
        for packet in cut(b"\xfe\0\0\x02\0") {
            assert!(end(packet).is_err(), "{packet:?}");
        }
        for packet in cut(b"\xff\x15\x04#28000") {
            assert!(login(packet).is_err(), "{packet:?}");
        }
        assert_eq!(login(b""), Err(Failure::SHORT));
        assert_eq!(done(b""), Err(Failure::SHORT));
    }

    #[test]
    fn more_columns_than_a_table_has_are_refused() {
        let endless = [&[0xfe][..], &[0xff; 8]].concat();
        assert!(matches!(head(&endless), Err(Failure::Broken(_))));
        assert!(matches!(head(b"\xfc\x01\x10"), Err(Failure::Broken(_))));
        assert_eq!(head(b"\xfc\0\0"), Err(Failure::UNEXPECTED));
        assert_eq!(head(b"\xfc\x00\x10"), Ok(Head::Columns(COLUMNS_MAX)));
        let many = prepared(b"\0\x01\0\0\0\xff\xff\0\0");
        assert!(matches!(many, Err(Failure::Broken(_))));
    }

    #[test]
    fn files_of_this_machine_are_not_given() {
        assert!(matches!(head(b"\xfb/etc/passwd"), Err(Failure::Broken(_))));
    }

    #[test]
    fn a_server_that_knows_too_little_is_refused() {
        let mut greeting = Greeting::read(GREETING).expect("it is one");
        assert!(greeting.common().is_ok());
        greeting.capabilities &= !SECURE;
        assert!(greeting.common().is_err());
        let other = [&[9][..], &GREETING[1..]].concat();
        assert!(Greeting::read(&other).is_err());
    }

    #[test]
    fn refusals_are_told_in_the_words_of_the_server() {
        let told = |packet: &[u8]| match done(packet) {
            Err(Failure::Refused(words)) => words,
            other => panic!("{other:?}"),
        };
        assert_eq!(told(b"\xff\x15\x04#28000No"), "ERROR 1045 (28000): No");
        assert_eq!(told(b"\xff\x10\x04Many"), "ERROR 1040: Many");
        let long = [&b"\xff\x10\x04"[..], &vec![b'a'; PACKET_BYTES_MAX]].concat();
        assert!(told(&long).len() < 2 * WORDS_BYTES_MAX);
    }

    #[test]
    fn a_greeting_is_understood() {
        let greeting = Greeting::read(GREETING).expect("it is one");
        assert_eq!(greeting.nonce, b";NT=qB8/#`>Tk<*ZgyKJ");
        assert_eq!(greeting.plugin, b"mysql_native_password");
        assert!(!greeting.can(TLS));
        assert!(greeting.can(PLUGINS));
        let common = greeting.common().expect("it is new enough");
        assert_eq!(common & TLS, 0, "it is not asked for by itself");
    }

    #[test]
    fn answers_are_understood() {
        let more = Head::Done { more: true };
        assert_eq!(head(b"\0\x01\0\x0a\0\0\0"), Ok(more));
        assert_eq!(head(b"\x02"), Ok(Head::Columns(2)));
        assert_eq!(end(b"\xfe\0\0\x02\0"), Ok(Some(false)));
        assert_eq!(end(b"\0\0\x01"), Ok(None));
        let known = prepared(b"\0\x07\0\0\0\x01\0\x02\0\0\0\0").expect("it is one");
        assert_eq!((known.id, known.columns, known.parameters), (7, 1, 2));
        let column = described(COLUMN).expect("it is one");
        assert_eq!(
            (column.name, column.kind, column.flags),
            (&b"one"[..], 3, 0x81)
        );
        let other = Login::Other {
            plugin: b"caching_sha2_password",
            nonce: b"abc",
        };
        assert_eq!(login(b"\xfecaching_sha2_password\0abc\0"), Ok(other));
        assert_eq!(login(b"\x01\x04"), Ok(Login::More(&[4])));
    }
}
