//! HTTP/2 beside HTTP/1.1, with TLS and without.

use super::*;

#[tokio::test]
async fn http_2_has_the_same_limit_of_header_fields() {
    let gateway = Gateway::start(Limits {
        request_headers_max: 5,
        ..Limits::default()
    });
    for (fields, expected) in [(5, 418), (6, 431)] {
        let stream = tokio::net::TcpStream::connect(gateway.address)
            .await
            .expect("it accepts");
        let mut request = get("/static");
        for field in 0..fields {
            let name = http::HeaderName::try_from(format!("x-{field}")).expect("it is a name");
            let value = http::HeaderValue::from_static("1");
            request.headers_mut().insert(name, value);
        }
        let (status, _) = http2(stream, request).await;
        assert_eq!(status, expected, "{fields} fields");
    }
}

fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("http://test{path}"))
        .body(Full::default())
        .expect("it is a request")
}

/// Sends a request over HTTP/2 on any stream.
async fn http2<IO>(io: IO, request: Request<Full<Bytes>>) -> (u16, Bytes)
where
    IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let executor = hyper_util::rt::TokioExecutor::new();
    let io = hyper_util::rt::TokioIo::new(io);
    let (mut client, connection) = hyper::client::conn::http2::handshake(executor, io)
        .await
        .expect("it speaks HTTP/2");
    tokio::spawn(connection);
    let response = client.send_request(request).await.expect("an answer comes");
    let status = response.status().as_u16();
    (
        status,
        response
            .into_body()
            .collect()
            .await
            .expect("the body comes")
            .to_bytes(),
    )
}

#[tokio::test]
async fn http_2_is_spoken_without_tls_by_prior_knowledge() {
    let gateway = Gateway::start(Limits::default());
    let stream = tokio::net::TcpStream::connect(gateway.address)
        .await
        .expect("it accepts");
    let (status, body) = http2(stream, get("/static")).await;
    assert_eq!((status, &body[..]), (418, &b"short"[..]));
}

#[tokio::test]
async fn tls_serves_both_versions_and_a_silent_handshake_holds_up_nobody() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (certificate, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    let made =
        rcgen::generate_simple_self_signed(vec!["test".into()]).expect("a certificate can be made");
    std::fs::write(&certificate, made.cert.pem()).expect("it can be written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("it can be written");
    let tls = Some(stoa_gateway::config::Tls { certificate, key });
    let gateway = Gateway::configured(Config {
        listen: ([127, 0, 0, 1], 0).into(),
        tls,
        limits: Limits::default(),
    });
    let _silent: Vec<TcpStream> = (0..50).map(|_| gateway.connect()).collect();

    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(made.cert.der().clone())
        .expect("it is a certificate");
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let connect = async |alpn: &[u8]| {
        let mut config =
            rustls::ClientConfig::builder_with_provider(std::sync::Arc::clone(&provider))
                .with_safe_default_protocol_versions()
                .expect("the versions are known")
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
        config.alpn_protocols = vec![alpn.to_vec()];
        let stream = tokio::net::TcpStream::connect(gateway.address)
            .await
            .expect("it accepts");
        let name = rustls::pki_types::ServerName::try_from("test").expect("it is a name");
        tokio_rustls::TlsConnector::from(std::sync::Arc::new(config))
            .connect(name, stream)
            .await
            .expect("it shakes hands")
    };
    let (status, _) = http2(connect(b"h2").await, get("/static")).await;
    assert_eq!(status, 418);
    // The client names another scheme than its connection has.
    let (_, told) = http2(connect(b"h2").await, get("/spin/7")).await;
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(
        told.contains("spin-full-url: https://test/spin/7\n"),
        "{told}"
    );
    let mut old = connect(b"http/1.1").await;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    old.write_all(format!("GET /static HTTP/1.1\r\n{CLOSE}").as_bytes())
        .await
        .expect("it can be sent");
    let mut answer = String::new();
    old.read_to_string(&mut answer)
        .await
        .expect("an answer comes");
    assert!(head(&answer).contains("418"), "{answer}");
}
