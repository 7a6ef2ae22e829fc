//! A server that means harm: it is its guest's own, so it may answer anything.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;

/// A type that no server has by itself. Each is an array of the next one.
const TYPE: u32 = 100_000;
/// What a question about a type has for parameters, and the answer for columns: names, a letter, numbers of types.
const QUESTION: [u32; 1] = [26];
const ANSWER: [u32; 7] = [19, 18, 26, 26, 26, 19, 26];

#[tokio::test]
async fn types_that_are_made_of_one_another_without_end_only_fail_their_statement() {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("it connects");
        serve(stream).await
    });
    let allowed = format!("postgres://127.0.0.1:{port}");
    let client = client_with(&Config::default(), &[allowed.as_str()]);
    let address = format!("postgres://me@127.0.0.1:{port}/test?sslmode=disable");
    let connection = match client.open(&address, None).await {
        Ok(connection) => connection,
        Err(error) => panic!("it lets everybody in: {error}"),
    };
    let asked = query(&*connection, "SELECT anything", Vec::new());
    let refused = timeout(SOON, asked).await.expect("it comes to an end");
    assert!(matches!(refused, Err(Error::QueryFailed(_))), "{refused:?}");
    drop(connection);
    let types = server.await.expect("it does not panic");
    assert!((2..1000).contains(&types), "{types}");
}

/// Lets a client in, and tells of one type after the other. Counts them.
async fn serve(mut stream: TcpStream) -> u32 {
    // The first message has no letter.
    skip(&mut stream).await.expect("it asks to be let in");
    let welcome = [message(b'R', &[0; 4]), message(b'Z', b"I")].concat();
    stream.write_all(&welcome).await.expect("it listens");
    let (mut statements, mut types, mut asked) = (0, 0, Vec::new());
    while let Ok(kind) = stream.read_u8().await {
        if skip(&mut stream).await.is_err() {
            break;
        }
        asked.push(kind);
        if kind != b'S' {
            continue;
        }
        let answer = match asked.first() {
            Some(b'P') => {
                statements += 1;
                match statements {
                    1 => prepared(&[], &[TYPE]),
                    _ => prepared(&QUESTION, &ANSWER),
                }
            }
            Some(b'B') => {
                types += 1;
                told(TYPE + types)
            }
            _ => Vec::new(),
        };
        asked.clear();
        let answer = [answer, message(b'Z', b"I")].concat();
        if stream.write_all(&answer).await.is_err() {
            break;
        }
    }
    types
}

/// Reads the rest of a message.
async fn skip(stream: &mut TcpStream) -> std::io::Result<()> {
    let length = stream.read_u32().await?;
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body).await.map(drop)
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("it is short") + 4;
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

fn count<T>(items: &[T]) -> [u8; 2] {
    let count = u16::try_from(items.len()).expect("they are few");
    count.to_be_bytes()
}

/// A statement with parameters and columns of these types.
fn prepared(parameters: &[u32], columns: &[u32]) -> Vec<u8> {
    let mut wanted = count(parameters).to_vec();
    for parameter in parameters {
        wanted.extend(parameter.to_be_bytes());
    }
    let mut described = count(columns).to_vec();
    for column in columns {
        // A name, of no column of a table; then the type, its size and modifier, in no format yet.
        described.extend(b"c\0");
        described.extend([0; 6]);
        described.extend(column.to_be_bytes());
        described.extend([0; 8]);
    }
    [
        message(b'1', &[]),
        message(b't', &wanted),
        message(b'T', &described),
    ]
    .concat()
}

/// A type that is an array of this one.
fn told(of: u32) -> Vec<u8> {
    let (of, none) = (of.to_be_bytes(), 0_u32.to_be_bytes());
    let values: [Option<&[u8]>; ANSWER.len()] = [
        Some(b"t"),
        Some(b"b"),
        Some(&of),
        None,
        Some(&none),
        Some(b"public"),
        Some(&none),
    ];
    let mut row = count(&values).to_vec();
    for value in values {
        let length = value.map_or(-1, |value| i32::try_from(value.len()).expect("it is short"));
        row.extend(length.to_be_bytes());
        row.extend_from_slice(value.unwrap_or_default());
    }
    [
        message(b'2', &[]),
        message(b'D', &row),
        message(b'C', b"SELECT 1\0"),
    ]
    .concat()
}
