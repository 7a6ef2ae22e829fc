//! A server that means harm: it is its guest's own, so it may answer anything. Nothing of it may end the host, fill its
//! memory, or be told what it has no right to.

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

const LIMIT: usize = 64 * 1024;
/// Commands.
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;
/// All that a server can do, besides TLS.
const CAPABILITIES: u32 = 0x81ff_f7fe;
const TLS: u32 = 0x800;

/// What a server says: this, then that until nobody listens.
#[derive(Default)]
struct Says {
    once: Vec<Vec<u8>>,
    forever: Vec<Vec<u8>>,
}

fn once(packets: impl IntoIterator<Item = Vec<u8>>) -> Says {
    let once = packets.into_iter().collect();
    Says {
        once,
        ..Says::default()
    }
}

#[tokio::test]
async fn a_number_of_columns_makes_no_room_for_them() {
    for count in [
        [0xff; 8],
        [0, 0, 0, 0, 0, 1, 0, 0],
        [1, 0x10, 0, 0, 0, 0, 0, 0],
    ] {
        let (refused, _) = asked(move |command| match command[0] {
            PREPARE => once([prepared(0, 0)]),
            _ => once([[&[0xfe][..], &count].concat()]),
        })
        .await;
        assert!(matches!(refused, Error::QueryFailed(_)), "{refused:?}");
    }
    let (refused, _) = asked(|_| once([prepared(u16::MAX, 0)])).await;
    assert!(matches!(refused, Error::QueryFailed(_)), "{refused:?}");
}

#[tokio::test]
async fn descriptions_without_end_are_not_kept() {
    let (refused, _) = asked(|command| match command[0] {
        PREPARE => once([prepared(0, 0)]),
        _ => Says {
            once: vec![vec![0xfc, 0x00, 0x10]],
            forever: vec![column(60_000)],
        },
    })
    .await;
    assert_eq!(refused, Error::TooLarge(LIMIT));
    let (refused, _) = asked(|_| Says {
        once: vec![prepared(0, u16::MAX)],
        forever: vec![column(60_000)],
    })
    .await;
    assert_eq!(refused, Error::TooLarge(LIMIT));
}

#[tokio::test]
async fn rows_without_end_are_not_kept() {
    for row in [vec![0, 0, 7], vec![0, 4]] {
        let (refused, _) = asked(move |command| match command[0] {
            PREPARE => once([prepared(0, 0)]),
            _ => Says {
                once: vec![vec![1], column(1), end()],
                forever: vec![row.clone()],
            },
        })
        .await;
        assert_eq!(refused, Error::TooLarge(LIMIT));
    }
}

#[tokio::test]
async fn results_without_end_come_to_one() {
    let more = vec![0, 0, 0, 0x08, 0, 0, 0];
    let (refused, _) = asked(move |command| match command[0] {
        PREPARE => once([prepared(0, 0)]),
        _ => Says {
            forever: vec![more.clone()],
            ..Says::default()
        },
    })
    .await;
    assert_eq!(refused, Error::TooLarge(LIMIT));
}

#[tokio::test]
async fn packets_without_end_are_cut_off() {
    let endless = || Says {
        forever: vec![vec![0; 0xff_ffff]],
        ..Says::default()
    };
    let (refused, _) = asked(move |_| endless()).await;
    assert_eq!(refused, Error::TooLarge(LIMIT));
    let (refused, _) = asked(move |command| match command[0] {
        PREPARE => once([prepared(0, 0)]),
        _ => Says {
            once: vec![vec![1], column(1), end()],
            ..endless()
        },
    })
    .await;
    assert_eq!(refused, Error::TooLarge(LIMIT));
}

#[tokio::test]
async fn packets_that_make_no_sense_only_fail_their_statement() {
    for packet in [
        vec![],
        vec![0],
        vec![0xff],
        vec![0xfb],
        vec![0xfe],
        vec![0, 0xff],
    ] {
        for of in [PREPARE, EXECUTE] {
            let packet = packet.clone();
            let (refused, _) = asked(move |command| match command[0] {
                kind if kind == of => once([packet.clone()]),
                _ => once([prepared(0, 0)]),
            })
            .await;
            assert!(matches!(refused, Error::QueryFailed(_)), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn a_file_of_this_machine_is_not_sent() {
    let (refused, heard) = asked(|command| match command[0] {
        PREPARE => once([prepared(0, 0)]),
        _ => once([b"\xfb/etc/passwd".to_vec()]),
    })
    .await;
    assert!(matches!(refused, Error::QueryFailed(_)), "{refused:?}");
    let kinds: Vec<u8> = heard.iter().map(|command| command[0]).collect();
    assert_eq!(kinds, [PREPARE, EXECUTE]);
}

#[tokio::test]
async fn a_greeting_that_is_none_is_no_connection() {
    let whole = greeting(CAPABILITIES, "mysql_native_password");
    let greetings = [0, 1, 5, 20, 30, 40].map(|end| whole[..end].to_vec());
    for greeting in greetings.into_iter().chain([vec![0xff], vec![9; 80]]) {
        let (told, heard) = greeted("", vec![greeting]).await;
        assert!(told.starts_with("connection failed: "), "{told}");
        assert!(heard.is_empty());
    }
}

#[tokio::test]
async fn a_password_is_neither_told_nor_enciphered_without_tls() {
    let greeting = greeting(CAPABILITIES, "caching_sha2_password");
    let (told, heard) = greeted("", vec![greeting, vec![1, 4]]).await;
    assert!(told.contains("ssl-mode=REQUIRED"), "{told}");
    assert_eq!(heard.len(), 1, "no key is asked for");
    assert!(!holds(&heard[0], b"hunter2"));
}

#[tokio::test]
async fn nobody_is_named_before_tls() {
    let without = greeting(CAPABILITIES, "mysql_native_password");
    let (told, heard) = greeted("?ssl-mode=REQUIRED", vec![without]).await;
    assert!(told.contains("does not offer TLS"), "{told}");
    assert!(heard.is_empty());
    // What it goes on with is no handshake.
    let with = greeting(CAPABILITIES | TLS, "mysql_native_password");
    let (told, heard) = greeted("?ssl-mode=REQUIRED", vec![with, vec![0; 7]]).await;
    assert!(told.starts_with("connection failed: "), "{told}");
    assert!(heard.iter().all(|packet| !holds(packet, b"alice")));
}

/// What becomes of a query, with a server that lets everybody in and then answers like this, and the commands that it
/// got.
async fn asked(says: impl Fn(&[u8]) -> Says + Send + 'static) -> (Error, Vec<Vec<u8>>) {
    let (port, server) = listening(move |stream: TcpStream| async move {
        let mut peer = Peer::new(stream);
        let mut heard = Vec::new();
        peer.say(&greeting(CAPABILITIES, "mysql_native_password"))
            .await?;
        peer.hear().await?;
        peer.say(&[0, 0, 0, 2, 0, 0, 0]).await?;
        while let Some(command) = peer.command().await {
            let says = says(&command);
            heard.push(command);
            if peer.go_on(&says).await.is_none() {
                break;
            }
        }
        Some(heard)
    })
    .await;
    let connection = opened(&*client_of(port), &address(port, "")).await;
    let asked = query(&*connection, "SELECT anything", Vec::new());
    let refused = timeout(SOON, asked).await.expect("it comes to an end");
    drop(connection);
    let heard = timeout(SOON, server)
        .await
        .expect("nobody listens any more");
    let heard = heard.expect("it does not panic");
    (
        refused.expect_err("nothing of it is a result"),
        heard.expect("it lets everybody in"),
    )
}

/// Why there is no connection to a server that says this, one after each packet of ours, and those packets.
async fn greeted(query: &str, says: Vec<Vec<u8>>) -> (String, Vec<Vec<u8>>) {
    let (port, server) = listening(move |stream: TcpStream| async move {
        let mut peer = Peer::new(stream);
        let mut heard = Vec::new();
        for packet in says {
            if peer.say(&packet).await.is_none() {
                break;
            }
            match peer.hear().await {
                Some(packet) => heard.push(packet),
                None => break,
            }
        }
        Some(heard)
    })
    .await;
    let client = client_of(port);
    let address = address(port, query);
    let told = timeout(SOON, refused(&*client, &address)).await;
    let heard = timeout(SOON, server)
        .await
        .expect("nobody listens any more");
    (
        told.expect("it comes to an end"),
        heard.expect("it does not panic").expect("it listens"),
    )
}

async fn listening<F>(
    serve: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (u16, JoinHandle<Option<Vec<Vec<u8>>>>)
where
    F: Future<Output = Option<Vec<Vec<u8>>>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("it connects");
        serve(stream).await
    });
    (port, serving)
}

fn client_of(port: u16) -> Arc<dyn Client> {
    let config = Config {
        result_bytes_max: LIMIT,
        ..Config::default()
    };
    client_with(&config, &[&format!("mysql://127.0.0.1:{port}")])
}

fn address(port: u16, query: &str) -> String {
    format!("mysql://alice:hunter2@127.0.0.1:{port}/test{query}")
}

fn holds(packet: &[u8], part: &[u8]) -> bool {
    packet.windows(part.len()).any(|window| window == part)
}

/// The other side of a connection. Nothing comes of it any more where it is none.
struct Peer {
    stream: BufWriter<TcpStream>,
    number: u8,
}

impl Peer {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream: BufWriter::with_capacity(LIMIT, stream),
            number: 0,
        }
    }

    async fn say(&mut self, packet: &[u8]) -> Option<()> {
        self.put(packet).await?;
        self.stream.flush().await.ok()
    }

    async fn put(&mut self, packet: &[u8]) -> Option<()> {
        let length = packet.len().to_le_bytes();
        let head = [length[0], length[1], length[2], self.number];
        self.number = self.number.wrapping_add(1);
        self.stream.write_all(&head).await.ok()?;
        self.stream.write_all(packet).await.ok()
    }

    async fn go_on(&mut self, says: &Says) -> Option<()> {
        for packet in &says.once {
            self.put(packet).await?;
        }
        self.stream.flush().await.ok()?;
        while !says.forever.is_empty() {
            for packet in &says.forever {
                self.put(packet).await?;
            }
        }
        Some(())
    }

    async fn hear(&mut self) -> Option<Vec<u8>> {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head).await.ok()?;
        self.number = head[3].wrapping_add(1);
        let length = u32::from_le_bytes([head[0], head[1], head[2], 0]);
        let mut packet = Vec::new();
        let stream = &mut self.stream;
        let read = stream.take(length.into()).read_to_end(&mut packet).await;
        (read.ok()? == length as usize).then_some(packet)
    }

    async fn command(&mut self) -> Option<Vec<u8>> {
        let command = self.hear().await?;
        (!command.is_empty()).then_some(command)
    }
}

fn greeting(capabilities: u32, plugin: &str) -> Vec<u8> {
    let [one, two, three, four] = capabilities.to_le_bytes();
    let mut greeting = b"\n8.4.0\0\x01\0\0\x0001234567\0".to_vec();
    greeting.extend([one, two, 45, 2, 0, three, four, 21]);
    greeting.extend([0; 10]);
    greeting.extend(b"89abcdefghij\0");
    greeting.extend(plugin.as_bytes());
    greeting.push(0);
    greeting
}

/// A statement that is known, and takes and gives so many.
fn prepared(columns: u16, parameters: u16) -> Vec<u8> {
    let mut prepared = vec![0, 1, 0, 0, 0];
    prepared.extend(columns.to_le_bytes());
    prepared.extend(parameters.to_le_bytes());
    prepared.extend([0; 3]);
    prepared
}

/// A column of small numbers, whose name is so long.
fn column(name: u16) -> Vec<u8> {
    let mut column = b"\x03def\0\0\0\xfc".to_vec();
    column.extend(name.to_le_bytes());
    column.extend(vec![b'a'; name.into()]);
    column.extend([0, 12, 63, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    column
}

fn end() -> Vec<u8> {
    vec![0xfe, 0, 0, 2, 0]
}
