//! How a server lets us in: its greeting, TLS where the address asks for it, the account and its password.
//!
//! A password is hidden with what the server made up, or told over TLS. It is never enciphered with a key of the server's:
//! computing with numbers that somebody else chose takes as long as they like.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::address::Address;
use super::failure::Failure;
use super::frames::Wire;
use super::packet::{self, Greeting, Login, PACKET_BYTES_MAX};
use super::password;

/// What a server may say before it lets us in: another way to show the password, twice something about it, the end.
const ROUNDS_MAX: usize = 5;
/// `utf8mb4_general_ci`, which MySQL and MariaDB both have.
const ENCODING: u8 = 45;
/// What a server may take for the length of our packets.
const OUR_PACKET_BYTES_MAX: u32 = 1 << 30;
/// What `caching_sha2_password` says: the hidden password was enough, or the whole is needed.
const ENOUGH: &[u8] = &[3];
const WHOLE: &[u8] = &[4];
/// Of a name that a server chose, so much is told.
const NAME_BYTES_MAX: usize = 64;

/// Ways to show a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plugin {
    Native,
    CachingSha2,
    /// Only over TLS.
    Sha256,
}

/// Logs in over a wire that was just opened, with TLS if it is given what to speak it with.
pub(super) async fn log_in(
    mut wire: Wire,
    address: &Address,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Wire, Failure> {
    let greeting = Greeting::read(&wire.packet(PACKET_BYTES_MAX).await?)?;
    let mut capabilities = greeting.common()?;
    if address.database().is_some() {
        capabilities |= packet::IN_DATABASE;
    }
    let secure = tls.is_some();
    if let Some(tls) = tls {
        if !greeting.can(packet::TLS) {
            return Err(refused("the server does not offer TLS"));
        }
        capabilities |= packet::TLS;
        let name = ServerName::try_from(address.name().to_owned())
            .map_err(|_| refused("the host's name cannot be in a certificate"))?;
        wire.send(&opening(capabilities)).await?;
        wire = wire.secured(tls, name).await?;
    }
    authenticate(&mut wire, &greeting, capabilities, address, secure).await?;
    Ok(wire)
}

async fn authenticate(
    wire: &mut Wire,
    greeting: &Greeting,
    capabilities: u32,
    address: &Address,
    secure: bool,
) -> Result<(), Failure> {
    let (plugin, password) = (Plugin::first(&greeting.plugin), address.password());
    let hidden = plugin.show(password, &greeting.nonce, secure)?;
    let response = response(capabilities, address, plugin, &hidden);
    wire.send(&response).await?;
    prove(wire, plugin, password, secure).await
}

/// Goes on until the server is content.
async fn prove(
    wire: &mut Wire,
    mut plugin: Plugin,
    password: &str,
    secure: bool,
) -> Result<(), Failure> {
    for _ in 0..ROUNDS_MAX {
        let packet = wire.packet(PACKET_BYTES_MAX).await?;
        let answer = match packet::login(&packet)? {
            Login::Done => return Ok(()),
            Login::Other {
                plugin: name,
                nonce,
            } => {
                plugin = Plugin::named(name).ok_or_else(|| unknown(name))?;
                plugin.show(password, nonce, secure)?
            }
            Login::More(ENOUGH) if plugin == Plugin::CachingSha2 => continue,
            Login::More(WHOLE) if plugin == Plugin::CachingSha2 => told(password, secure)?,
            Login::More(_) => return Err(Failure::UNEXPECTED),
        };
        wire.send(&answer).await?;
    }
    Err(Failure::Broken("the server does not come to an end"))
}

/// What stands before everything else, and alone where TLS is to begin.
fn opening(capabilities: u32) -> Vec<u8> {
    let mut opening = capabilities.to_le_bytes().to_vec();
    opening.extend_from_slice(&OUR_PACKET_BYTES_MAX.to_le_bytes());
    opening.push(ENCODING);
    opening.extend_from_slice(&[0; 23]);
    opening
}

fn response(capabilities: u32, address: &Address, plugin: Plugin, hidden: &[u8]) -> Vec<u8> {
    let mut response = opening(capabilities);
    let name = |name: &[u8], to: &mut Vec<u8>| {
        to.extend_from_slice(name);
        to.push(0);
    };
    name(address.user().as_bytes(), &mut response);
    let length = u8::try_from(hidden.len()).expect("a hidden password is a hash");
    response.push(length);
    response.extend_from_slice(hidden);
    if let Some(database) = address.database() {
        name(database.as_bytes(), &mut response);
    }
    if capabilities & packet::PLUGINS != 0 {
        name(plugin.name().as_bytes(), &mut response);
    }
    response
}

fn told(password: &str, secure: bool) -> Result<Vec<u8>, Failure> {
    match secure {
        true => Ok([password.as_bytes(), &[0]].concat()),
        false => Err(refused(
            "the server asks for the whole password, which is told over TLS only: add `ssl-mode=REQUIRED` to the address",
        )),
    }
}

fn unknown(name: &[u8]) -> Failure {
    let name = String::from_utf8_lossy(&name[..name.len().min(NAME_BYTES_MAX)]);
    Failure::Refused(format!(
        "the server asks for the login `{name}`: mysql_native_password, caching_sha2_password and sha256_password are known"
    ))
}

fn refused(why: &str) -> Failure {
    Failure::Refused(why.to_owned())
}

// === impl Plugin ===

impl Plugin {
    const ALL: [Self; 3] = [Self::Native, Self::CachingSha2, Self::Sha256];

    fn name(self) -> &'static str {
        match self {
            Self::Native => "mysql_native_password",
            Self::CachingSha2 => "caching_sha2_password",
            Self::Sha256 => "sha256_password",
        }
    }

    fn named(name: &[u8]) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|plugin| plugin.name().as_bytes() == name)
    }

    /// What to begin with. A server whose account has another one says so.
    fn first(name: &[u8]) -> Self {
        match Self::named(name) {
            Some(Self::CachingSha2) => Self::CachingSha2,
            _ => Self::Native,
        }
    }

    fn show(self, password: &str, nonce: &[u8], secure: bool) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Native => Ok(password::native(password, nonce)),
            Self::CachingSha2 => Ok(password::sha2(password, nonce)),
            Self::Sha256 => told(password, secure),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    const NONCE: &[u8; 20] = b"0123456789abcdefghij";

    fn greeting(plugin: &str) -> Vec<u8> {
        let mut greeting = b"\n8.4.0\0\x01\0\0\0".to_vec();
        greeting.extend_from_slice(&NONCE[..8]);
        greeting.extend_from_slice(b"\0\xff\xf7\x2d\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0");
        greeting.extend_from_slice(&NONCE[8..]);
        greeting.push(0);
        greeting.extend_from_slice(plugin.as_bytes());
        greeting.push(0);
        greeting
    }

    /// A server that says this, one after each packet of ours; all of them, and how the login ended.
    async fn logged_in(
        secure: bool,
        first: &str,
        says: &[&[u8]],
    ) -> (Vec<Vec<u8>>, Result<(), Failure>) {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let ours = tokio::spawn(async move {
            let address = Address::parse("mysql://me:hunter2@a").expect("it is one");
            let mut wire = Wire::new(ours);
            let greeting = Greeting::read(&wire.packet(PACKET_BYTES_MAX).await?)?;
            let capabilities = greeting.common()?;
            authenticate(&mut wire, &greeting, capabilities, &address, secure).await
        });
        let mut heard = Vec::new();
        let mut number = 0;
        say(&mut theirs, &mut number, &greeting(first)).await;
        for packet in says {
            let Some(ours) = hear(&mut theirs, &mut number).await else {
                break;
            };
            heard.push(ours);
            say(&mut theirs, &mut number, packet).await;
        }
        // It says no more, and hears what was on its way.
        theirs.shutdown().await.ok();
        if let Some(last) = hear(&mut theirs, &mut number).await {
            heard.push(last);
        }
        (heard, ours.await.expect("it ends"))
    }

    async fn say(stream: &mut DuplexStream, number: &mut u8, packet: &[u8]) {
        let length = packet.len().to_le_bytes();
        let frame = [&length[..3], &[*number], packet].concat();
        *number += 1;
        // Who has given up does not listen.
        stream.write_all(&frame).await.ok();
    }

    async fn hear(stream: &mut DuplexStream, number: &mut u8) -> Option<Vec<u8>> {
        let mut head = [0; 4];
        stream.read_exact(&mut head).await.ok()?;
        assert_eq!(head[3], *number);
        *number += 1;
        let mut packet = vec![0; usize::from(u16::from_le_bytes([head[0], head[1]]))];
        stream.read_exact(&mut packet).await.ok()?;
        Some(packet)
    }

    fn other(plugin: &str) -> Vec<u8> {
        [&b"\xfe"[..], plugin.as_bytes(), b"\0", NONCE, b"\0"].concat()
    }

    fn holds(packet: &[u8], part: &[u8]) -> bool {
        packet.windows(part.len()).any(|window| window == part)
    }

    #[tokio::test]
    async fn a_password_is_not_told_without_tls() {
        let sha256 = other("sha256_password");
        for says in [&b"\x01\x04"[..], &sha256] {
            let (heard, ended) = logged_in(false, "caching_sha2_password", &[says]).await;
            assert_eq!(heard.len(), 1, "nothing is sent after that");
            assert!(heard.iter().all(|packet| !holds(packet, b"hunter2")));
            let Err(Failure::Refused(told)) = ended else {
                panic!("{ended:?}");
            };
            assert!(told.contains("TLS"), "{told}");
        }
    }

    #[tokio::test]
    async fn logins_that_are_not_known_are_refused() {
        for name in ["client_ed25519", "mysql_clear_password", ""] {
            let says = other(name);
            let (heard, ended) = logged_in(true, "mysql_native_password", &[&says]).await;
            assert_eq!(heard.len(), 1, "{name}");
            assert!(matches!(ended, Err(Failure::Refused(_))), "{ended:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_never_ends_is_given_up() {
        let says = vec![other("mysql_native_password"); 2 * ROUNDS_MAX];
        let says: Vec<&[u8]> = says.iter().map(Vec::as_slice).collect();
        let (heard, ended) = logged_in(true, "mysql_native_password", &says).await;
        assert_eq!(heard.len(), 1 + ROUNDS_MAX);
        assert!(matches!(ended, Err(Failure::Broken(_))), "{ended:?}");
    }

    #[tokio::test]
    async fn what_does_not_belong_into_a_login_ends_it() {
        for says in [&b""[..], b"\x01", b"\x01\x07", b"\x02", b"\xff"] {
            let (_, ended) = logged_in(true, "caching_sha2_password", &[says]).await;
            assert!(matches!(ended, Err(Failure::Broken(_))), "{ended:?}");
        }
    }

    #[tokio::test]
    async fn the_whole_password_is_told_over_tls() {
        let says: [&[u8]; 2] = [b"\x01\x04", b"\0\0\0\x02\0\0\0"];
        let (heard, ended) = logged_in(true, "caching_sha2_password", &says).await;
        assert_eq!(ended, Ok(()));
        assert_eq!(heard[1], b"hunter2\0");
    }

    #[tokio::test]
    async fn a_hidden_password_is_enough() {
        let (done, enough) = (&b"\0\0\0\x02\0\0\0"[..], &b"\x01\x03"[..]);
        let (native, sha2) = (
            other("mysql_native_password"),
            other("caching_sha2_password"),
        );
        let ways = [
            (
                "mysql_native_password",
                vec![done],
                password::native("hunter2", NONCE),
            ),
            (
                "caching_sha2_password",
                vec![&native[..], done],
                password::native("hunter2", NONCE),
            ),
            (
                "client_ed25519",
                vec![&sha2[..], enough],
                password::sha2("hunter2", NONCE),
            ),
        ];
        for (first, says, hidden) in ways {
            let (heard, ended) = logged_in(false, first, &says).await;
            let last = heard.last().expect("it logs in");
            assert!(holds(last, &hidden), "{first}");
            assert!(holds(&heard[0], b"me\0"), "{first}");
            // What says that it was enough is not the end.
            let end = says.last().is_some_and(|last| last[0] == 0);
            assert_eq!(ended.is_ok(), end, "{first}");
        }
    }
}
