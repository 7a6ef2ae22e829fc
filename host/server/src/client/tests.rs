use std::fs;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::admin::messages::Direction;

/// What a command knows that was called in `folder` without any option.
fn remote(folder: &TempDir) -> Remote {
    Remote {
        file: folder.path().join("spin.toml"),
        state_dir: None,
        host: None,
        token_file: None,
        token: None,
        ca: None,
        client_cert: None,
        client_key: None,
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

/// A folder in which a host seems to run.
fn with_host(url: &str, token: &str) -> TempDir {
    let folder = folder();
    let state = folder.path().join(".stoa");
    fs::create_dir(&state).expect("it can be made");
    fs::write(state.join("admin.url"), url).expect("it can be written");
    fs::write(state.join("admin.token"), token).expect("it can be written");
    folder
}

fn named(folder: &TempDir, host: &str, token: &str) -> Remote {
    Remote {
        host: Some(host.to_owned()),
        token: Some(Secret::new(token)),
        ..remote(folder)
    }
}

#[track_caller]
fn refused(remote: &Remote) -> String {
    match Client::find(remote) {
        Ok(client) => panic!("{} is taken", client.base),
        Err(error) => error.to_string(),
    }
}

fn found(remote: &Remote) -> Client {
    Client::find(remote).unwrap_or_else(|error| panic!("{error}"))
}

/// Answers every connection with these bytes, whatever it is asked. Tells what it was asked first.
async fn answering(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("somebody connects");
        let mut asked = vec![0; 4096];
        let length = stream.read(&mut asked).await.expect("it asks");
        asked.truncate(length);
        // A client that is satisfied early may be gone.
        drop(stream.write_all(answer.as_bytes()).await);
        drop(stream.shutdown().await);
        // What is left unread would reset the connection, and the answer with it.
        drop(stream.read_to_end(&mut asked).await);
        String::from_utf8_lossy(&asked).into_owned()
    });
    (format!("http://{address}"), asked)
}

/// What comes of asking a host that answers so.
async fn outcome(answer: &'static str) -> Result<Moved, Error> {
    let (url, _asked) = answering(answer).await;
    let client = found(&remote(&with_host(&url, "t")));
    client.rollback(&Move::default()).await
}

#[test]
fn without_a_host_that_runs_here_it_says_so() {
    let folder = folder();
    let file = folder.path().join(".stoa/admin.url");
    assert_eq!(
        refused(&remote(&folder)),
        format!(
            "no host is running here: `{}` is missing; start one with `stoa up`, or name one with `--host`",
            file.display()
        )
    );
}

#[test]
fn a_token_that_cannot_be_read_is_told() {
    let folder = with_host("http://127.0.0.1:3001\n", " \n");
    let told = refused(&remote(&folder));
    assert!(told.ends_with("admin.token`: it is empty"), "{told}");
    let missing = Remote {
        token_file: Some(folder.path().join("gone")),
        ..remote(&folder)
    };
    let told = refused(&missing);
    assert!(told.starts_with("cannot read a token from `"), "{told}");
}

#[test]
fn a_token_is_not_shown_when_it_is_none() {
    let told = refused(&named(&folder(), "https://host", "se\ncret"));
    assert_eq!(told, "the token has characters that no token has");
}

#[test]
fn the_token_of_this_folder_is_not_given_to_a_host_that_was_named() {
    let folder = with_host("http://127.0.0.1:3001", "local");
    let named = Remote {
        host: Some("https://elsewhere.example".to_owned()),
        ..remote(&folder)
    };
    let told = refused(&named);
    assert!(
        told.starts_with("there is no token for https://elsewhere.example\n"),
        "{told}"
    );
}

#[test]
fn the_token_of_the_environment_is_not_given_to_a_host_that_a_folder_names() {
    let remote = |folder: &TempDir| Remote {
        token: Some(Secret::new("of the environment")),
        ..remote(folder)
    };
    let sent = |remote: &Remote| {
        let base = address("https://elsewhere.example").expect("it is one");
        let token = token(remote, &base).unwrap_or_else(|error| panic!("{error}"));
        token.expect("there is one").expose().to_owned()
    };
    let folder = with_host("https://elsewhere.example", "beside it");
    assert_eq!(sent(&remote(&folder)), "beside it");
    let named = Remote {
        host: Some("https://elsewhere.example".to_owned()),
        ..remote(&folder)
    };
    assert_eq!(sent(&named), "of the environment");
    fs::remove_file(folder.path().join(".stoa/admin.token")).expect("it is there");
    let told = refused(&remote(&folder));
    assert!(told.starts_with("cannot read the host's token"), "{told}");
}

#[test]
fn a_token_that_is_a_link_to_something_else_is_not_sent() {
    let folder = with_host("https://elsewhere.example", "t");
    let secret = folder.path().join("secret");
    fs::write(&secret, "hunter2").expect("it can be written");
    let token = folder.path().join(".stoa/admin.token");
    fs::remove_file(&token).expect("it is there");
    std::os::unix::fs::symlink(&secret, &token).expect("it can be made");
    let told = refused(&remote(&folder));
    assert!(told.contains("it is a link"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn addresses_that_are_none_are_refused() {
    let folder = folder();
    for (address, reason) in [
        ("", "it is not a URL"),
        ("host", "it is not a URL"),
        ("host:3001", "it begins with `https://`"),
        ("ftp://host", "it begins with `https://`"),
        ("http://host:3001", "beyond this machine"),
        ("http://10.0.0.1", "beyond this machine"),
        ("http://localhost.example", "beyond this machine"),
    ] {
        let told = refused(&named(&folder, address, "t"));
        assert!(told.contains(reason), "{address}: {told}");
    }
    for address in ["https://me:hunter2@host/", "me:hunter2@host"] {
        let told = refused(&named(&folder, address, "t"));
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn hosts_of_this_machine_need_no_tls() {
    let folder = folder();
    for address in [
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "http://localhost:1",
        "https://host",
    ] {
        found(&named(&folder, address, "t"));
    }
}

#[test]
fn certificates_that_cannot_be_read_are_told() {
    let folder = folder();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("it can be written");
        path
    };
    let named = || named(&folder, "https://host", "t");
    let empty = file("empty.pem", "");
    let told = refused(&Remote {
        ca: Some(empty.clone()),
        ..named()
    });
    assert!(
        told.starts_with("cannot read a certificate from `"),
        "{told}"
    );
    let made = rcgen::generate_simple_self_signed(vec!["me".into()]).expect("it can be made");
    let told = refused(&Remote {
        client_cert: Some(file("cert.pem", &made.cert.pem())),
        client_key: Some(empty),
        ..named()
    });
    assert!(
        told.starts_with("cannot read a private key from `"),
        "{told}"
    );
}

#[test]
fn paths_go_below_the_address_and_queries_are_encoded() {
    let client = found(&named(&folder(), "https://host/stoa/", "t"));
    let url = client.url("/v1/logs", &[("component", "a&b c".to_owned())]);
    assert_eq!(url.as_str(), "https://host/stoa/v1/logs?component=a%26b+c");
    let digest = Digest::of(b"");
    let url = client.url(&format!("/v1/artifacts/{digest}"), &[]);
    assert_eq!(
        url.as_str(),
        format!("https://host/stoa/v1/artifacts/{digest}")
    );
}

#[tokio::test]
async fn a_host_that_is_gone_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    drop(listener);
    let folder = with_host(&format!("http://{address}"), "t");
    let outcome = found(&remote(&folder)).get("/v1/status", &[]).await;
    let told = outcome.err().expect("nobody is there").to_string();
    assert!(
        told.starts_with(&format!("http://{address} cannot be reached: ")),
        "{told}"
    );
    assert!(
        told.contains("left over from a host that was killed"),
        "{told}"
    );
}

#[tokio::test]
async fn a_host_without_tls_is_told() {
    let (url, _asked) = answering("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let url = url.replace("http://", "https://");
    let client = found(&named(&folder(), &url, "t"));
    let told = client.get("/v1/status", &[]).await.err();
    let told = told.expect("it is no TLS").to_string();
    assert!(
        told.starts_with(&format!("no connection by TLS to {url}: ")),
        "{told}"
    );
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_told() {
    let outcome = outcome("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await;
    let told = outcome.expect_err("it is refused").to_string();
    assert!(
        told.contains(" does not accept this token or certificate\n"),
        "{told}"
    );
}

#[tokio::test]
async fn a_refusal_is_in_the_hosts_words() {
    let outcome = outcome(
        "HTTP/1.1 409 Conflict\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\r\n\
         {\"code\":\"conflict\",\"title\":\"version 3 is in force\",\"status\":409,\"serving\":\"release 2\",\"new\":1}",
    )
    .await;
    assert_eq!(
        outcome.expect_err("it is refused").to_string(),
        "error: version 3 is in force\nstill serving: release 2"
    );
}

#[tokio::test]
async fn an_answer_of_something_else_is_told() {
    for (answer, reason) in [
        (
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            "its status is 302 Found",
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 2\r\n\r\nno",
            "its status is 502 Bad Gateway",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno",
            "expected ident",
        ),
    ] {
        let told = outcome(answer)
            .await
            .expect_err("it is refused")
            .to_string();
        assert!(
            told.contains(" does not answer like a host of Stoa: ") && told.contains(reason),
            "{told}"
        );
    }
}

#[test]
fn what_an_odd_answer_quotes_moves_no_cursor() {
    let client = found(&named(&folder(), "https://host", "t"));
    let odd = client.decode::<Direction>(b"\"\\u001b[2J\"");
    let told = odd.expect_err("there is no such direction").to_string();
    assert!(told.contains("`\\u{1b}[2J`"), "{told}");
    assert!(!told.contains('\u{1b}'), "{told}");
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_it_open_whether_it_was_done() {
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"] {
        let told = outcome(answer).await.expect_err("it breaks").to_string();
        assert!(told.contains("whether it was done is not known"), "{told}");
    }
}

#[tokio::test]
async fn the_token_goes_to_the_host() {
    let (url, asked) = answering(
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\
         {\"version\":4,\"stable\":2,\"timings\":{\"prepare_ms\":0,\"record_ms\":1.5,\"swap_ms\":0.1},\"new\":true}",
    )
    .await;
    let folder = with_host(&format!("{url}\n"), "secret\n");
    let moved = found(&remote(&folder)).rollback(&Move::default()).await;
    assert_eq!(moved.expect("it is done").stable, 2);
    let asked = asked.await.expect("no panic");
    assert!(
        asked.starts_with("POST /v1/rollback HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(
        asked.contains("authorization: Bearer secret\r\n"),
        "{asked}"
    );
}

#[tokio::test]
async fn lines_come_one_by_one() {
    let (url, _asked) = answering(
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\
         {\"at_ms\":1,\"level\":\"info\",\"component\":null,\"revision\":null,\"text\":\"a\"}\n\n\
         {\"at_ms\":2,\"level\":\"warn\",\"component\":\"c\",\"revision\":\"r\",\"text\":\"b\"}",
    )
    .await;
    let client = found(&remote(&with_host(&url, "t")));
    let mut lines = client.logs(&[]).await.expect("it answers");
    let mut texts = Vec::new();
    while let Some(line) = lines.next().await.expect("it goes on") {
        texts.push(line.text);
    }
    assert_eq!(texts, ["a", "b"]);
}
