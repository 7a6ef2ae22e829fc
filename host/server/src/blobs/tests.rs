//! Signed URLs as a client meets them, over an embedded store.

use http_body_util::Full;
use stoa_capabilities::Durability;
use stoa_capabilities::blobs::Place;
use stoa_capabilities::blobs::embedded::Embedded;
use stoa_capabilities::blobs::presign::{KEY_BYTES, Method as For};

use super::*;

/// A host with one store, `images`.
struct Bench {
    _folder: tempfile::TempDir,
    signer: Arc<Signer>,
    blobs: SignedBlobs,
}

type Answer = Result<Response<Body>, Failure>;

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let signer = Arc::new(Signer::new(&[7; KEY_BYTES]));
        let store = Embedded::open(folder.path(), Durability::Process, Arc::clone(&signer));
        let store: Arc<dyn Store> = store.expect("it opens");
        let label = Label::new("images").expect("it is a label");
        Self {
            _folder: folder,
            blobs: SignedBlobs::new(Arc::clone(&signer), BTreeMap::from([(label, store)])),
            signer,
        }
    }

    fn url(&self, method: For, name: &str) -> String {
        self.signer.url(&claims(method, name, 60))
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, &str)],
        body: &[u8],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let body = Full::new(Bytes::copy_from_slice(body));
        let request = request.body(body).expect("it is a request");
        self.blobs.answer(request).await
    }

    async fn put(&self, name: &str, content_type: &str, body: &[u8]) {
        let url = self.url(For::Put, name);
        let headers = [(header::CONTENT_TYPE, content_type)];
        let answer = self.send(Method::PUT, &url, &headers, body).await;
        assert_eq!(status(&answer), Ok(StatusCode::CREATED));
    }

    async fn get(&self, name: &str, headers: &[(HeaderName, &str)]) -> Response<Body> {
        let url = self.url(For::Get, name);
        let answer = self.send(Method::GET, &url, headers, b"").await;
        answer.expect("it is answered")
    }
}

fn claims(method: For, name: &str, seconds: u64) -> Claims {
    Claims {
        label: "images".into(),
        place: Place {
            container: "public".into(),
            name: name.into(),
        },
        method,
        expires: now() + seconds,
        bytes_max: 1 << 20,
    }
}

fn status(answer: &Answer) -> Result<StatusCode, Failure> {
    match answer {
        Ok(response) => Ok(response.status()),
        Err(failure) => Err(failure.clone()),
    }
}

fn text(response: &Response<Body>, name: HeaderName) -> &str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().expect("it is printable"))
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    let collected = response.into_body().collect().await;
    collected.expect("it is read").to_bytes().to_vec()
}

#[tokio::test]
async fn whatever_is_wrong_with_a_url_it_is_forbidden_alike() {
    let bench = Bench::new();
    bench.put("a", "text/plain", b"secret").await;
    let good = bench.url(For::Get, "a");
    let other_store = Claims {
        label: "others".into(),
        ..claims(For::Get, "a", 60)
    };
    let wrong = [
        good.replace("/a?", "/b?"),
        good.replace("/public/", "/secret/"),
        good.replace("signature=", "signature=0"),
        good.replace('?', "?more=1&"),
        good.split('?').next().unwrap_or_default().to_owned(),
        bench.signer.url(&claims(For::Get, "a", 0)),
        bench.signer.url(&other_store),
        bench.url(For::Put, "a"),
        Signer::new(&[8; KEY_BYTES]).url(&claims(For::Get, "a", 60)),
    ];
    for url in wrong {
        let answer = bench.send(Method::GET, &url, &[], b"").await;
        let response = answer.expect("it is answered");
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{url}");
        assert!(response.headers().is_empty(), "{url}");
        assert!(bytes(response).await.is_empty(), "{url}");
    }
}

#[tokio::test]
async fn a_url_to_read_writes_nothing() {
    let bench = Bench::new();
    let url = bench.url(For::Get, "a");
    let answer = bench.send(Method::PUT, &url, &[], b"1").await;
    assert_eq!(status(&answer), Ok(StatusCode::FORBIDDEN));
    for method in [Method::POST, Method::DELETE, Method::OPTIONS] {
        let answer = bench.send(method, &url, &[], b"").await;
        assert_eq!(status(&answer), Ok(StatusCode::METHOD_NOT_ALLOWED));
    }
    let response = bench.get("a", &[]).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_was_put_comes_back_with_careful_headers() {
    let bench = Bench::new();
    let sent: Vec<u8> = (0..PIECE_BYTES_MAX * 5 + 5).map(|at| at as u8).collect();
    bench.put("a/ü.png", "image/png", &sent).await;
    let response = bench.get("a/ü.png", &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(&response, header::CONTENT_TYPE), "image/png");
    assert_eq!(
        text(&response, header::CONTENT_LENGTH),
        sent.len().to_string()
    );
    assert_eq!(text(&response, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    let disposition = text(&response, header::CONTENT_DISPOSITION);
    assert_eq!(disposition, "inline; filename*=UTF-8''%C3%BC.png");
    let caching = text(&response, header::CACHE_CONTROL);
    let seconds = caching.strip_prefix("private, max-age=");
    let seconds = seconds.and_then(|seconds| seconds.parse::<u64>().ok());
    assert!(seconds.is_some_and(|seconds| seconds <= 60), "{caching}");
    assert!(bytes(response).await == sent);
}

#[tokio::test]
async fn what_could_run_is_not_shown_in_place() {
    let bench = Bench::new();
    let types = [
        "text/html",
        "image/svg+xml",
        "IMAGE/SVG+XML",
        "application/pdf",
    ];
    for content_type in types {
        bench.put("a", content_type, b"<script>").await;
        let response = bench.get("a", &[]).await;
        let disposition = text(&response, header::CONTENT_DISPOSITION);
        assert!(disposition.starts_with("attachment;"), "{content_type}");
        let policy = text(&response, header::CONTENT_SECURITY_POLICY);
        assert_eq!(policy, "default-src 'none'; sandbox");
    }
}

#[tokio::test]
async fn what_a_page_could_run_is_plain_text() {
    let bench = Bench::new();
    let types = [
        "text/javascript",
        "Application/X-JavaScript; charset=utf-8",
        "text/ecmascript",
        "text/jscript",
        "text/livescript",
        "text/css ;x=y",
    ];
    for content_type in types {
        bench.put("a", content_type, b"alert(1)").await;
        let response = bench.get("a", &[]).await;
        let told = text(&response, header::CONTENT_TYPE);
        assert_eq!(told, "text/plain", "{content_type}");
        assert_eq!(text(&response, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    }
}

#[tokio::test]
async fn a_head_has_the_headers_of_a_get_and_no_body() {
    let bench = Bench::new();
    bench.put("a", "text/plain", b"1234").await;
    let url = bench.url(For::Get, "a");
    let range = [(header::RANGE, "bytes=0-0")];
    let answer = bench.send(Method::HEAD, &url, &range, b"").await;
    let response = answer.expect("it is answered");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(&response, header::CONTENT_LENGTH), "4");
    assert!(bytes(response).await.is_empty());
}

#[tokio::test]
async fn one_range_is_answered_and_everything_else_is_the_whole() {
    let bench = Bench::new();
    bench.put("a", "text/plain", b"0123456789").await;
    let ranges = [
        ("bytes=0-0", "bytes 0-0/10", "0"),
        ("bytes=2-4", "bytes 2-4/10", "234"),
        ("bytes=8-", "bytes 8-9/10", "89"),
        ("bytes=8-99999999999999999999", "bytes 8-9/10", "89"),
        ("bytes=-3", "bytes 7-9/10", "789"),
        ("BYTES=-99", "bytes 0-9/10", "0123456789"),
        ("bytes=0-1,3-4", "", "0123456789"),
        ("bytes=4-2", "", "0123456789"),
        ("bytes=+1-2", "", "0123456789"),
        ("lines=0-1", "", "0123456789"),
    ];
    for (asked, told, read) in ranges {
        let response = bench.get("a", &[(header::RANGE, asked)]).await;
        let partial = response.status() == StatusCode::PARTIAL_CONTENT;
        assert_eq!(partial, !told.is_empty(), "{asked}");
        assert_eq!(text(&response, header::CONTENT_RANGE), told, "{asked}");
        assert_eq!(bytes(response).await, read.as_bytes(), "{asked}");
    }
    for asked in ["bytes=10-", "bytes=10-20", "bytes=-0"] {
        let response = bench.get("a", &[(header::RANGE, asked)]).await;
        assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(text(&response, header::CONTENT_RANGE), "bytes */10");
    }
}

#[tokio::test]
async fn a_range_of_another_version_is_answered_with_the_whole() {
    let bench = Bench::new();
    bench.put("a", "text/plain", b"0123").await;
    let tag = text(&bench.get("a", &[]).await, header::ETAG).to_owned();
    for (condition, read) in [(tag.as_str(), "01"), ("\"other\"", "0123")] {
        let headers = [(header::RANGE, "bytes=0-1"), (header::IF_RANGE, condition)];
        let response = bench.get("a", &headers).await;
        assert_eq!(bytes(response).await, read.as_bytes(), "{condition}");
    }
}

#[tokio::test]
async fn a_read_of_another_version_than_was_meant_is_refused() {
    let bench = Bench::new();
    bench.put("a", "text/plain", b"0123").await;
    let tag = text(&bench.get("a", &[]).await, header::ETAG).to_owned();
    for condition in ["\"other\"", &format!("W/{tag}"), ""] {
        let headers = [(header::IF_MATCH, condition), (header::RANGE, "bytes=2-")];
        let response = bench.get("a", &headers).await;
        let refused = StatusCode::PRECONDITION_FAILED;
        assert_eq!(response.status(), refused, "{condition}");
    }
    for condition in [tag.as_str(), "*", &format!("\"other\", {tag}")] {
        let headers = [(header::IF_MATCH, condition), (header::RANGE, "bytes=2-")];
        let response = bench.get("a", &headers).await;
        assert_eq!(bytes(response).await, b"23", "{condition}");
    }
}

#[tokio::test]
async fn blobs_on_their_way_are_bounded_and_forgeries_take_no_place() {
    let mut bench = Bench::new();
    bench.put("a", "text/plain", b"0123").await;
    bench.blobs.places = Arc::new(Semaphore::new(1));
    let first = bench.get("a", &[]).await;
    let full = Err(Failure::Unavailable {
        retry_after: RETRY_AFTER,
    });
    for (method, url) in [
        (Method::GET, bench.url(For::Get, "a")),
        (Method::PUT, bench.url(For::Put, "b")),
    ] {
        let answer = bench.send(method, &url, &[], b"1").await;
        assert_eq!(status(&answer), full);
    }
    let forged = bench.url(For::Get, "a").replace("/a?", "/b?");
    let answer = bench.send(Method::GET, &forged, &[], b"").await;
    assert_eq!(status(&answer), Ok(StatusCode::FORBIDDEN));
    drop(first);
    // Nothing keeps a place but a body that is not out.
    for _ in 0..2 {
        bench.put("a", "text/plain", b"4567").await;
        assert_eq!(bytes(bench.get("a", &[]).await).await, b"4567");
    }
}

#[tokio::test]
async fn a_download_ends_with_its_time() {
    let bench = Bench::new();
    bench.put("a", "text/plain", b"0123").await;
    let mut body = bench.get("a", &[]).await.into_body();
    body.until = tokio::time::Instant::now();
    let limit = TRANSFER_MAX;
    let outcome = body.collect().await;
    assert_eq!(outcome.err(), Some(Error::Deadline { limit }));
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let bench = Bench::new();
    bench.put("a", "text/plain", b"0123").await;
    let tag = text(&bench.get("a", &[]).await, header::ETAG).to_owned();
    let weak = format!("\"x\", W/{tag}");
    for condition in [tag.as_str(), &weak, "*"] {
        let response = bench.get("a", &[(header::IF_NONE_MATCH, condition)]).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{condition}");
        assert_eq!(text(&response, header::ETAG), tag);
        assert!(bytes(response).await.is_empty());
    }
    let other = [(header::IF_NONE_MATCH, "\"other\"")];
    assert_eq!(bench.get("a", &other).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn more_than_was_signed_for_is_refused_announced_or_not() {
    let bench = Bench::new();
    let limit = 4;
    let url = bench.signer.url(&Claims {
        bytes_max: limit,
        ..claims(For::Put, "a", 60)
    });
    let refused = Err(Failure::BodyTooLarge { limit });
    let announced = [(header::CONTENT_LENGTH, "5")];
    let answer = bench.send(Method::PUT, &url, &announced, b"12345").await;
    assert_eq!(status(&answer), refused);
    let answer = bench.send(Method::PUT, &url, &[], b"12345").await;
    assert_eq!(status(&answer), refused);
    let answer = bench.send(Method::PUT, &url, &[], b"1234").await;
    assert_eq!(status(&answer), Ok(StatusCode::CREATED));
}

#[tokio::test]
async fn uploads_that_are_cut_or_odd_are_refused() {
    let bench = Bench::new();
    let url = bench.url(For::Put, "a");
    let odd = [
        (header::CONTENT_LENGTH, "5"),
        (header::CONTENT_RANGE, "bytes 0-3/10"),
        (header::CONTENT_TYPE, "nothing"),
        (header::IF_MATCH, "*"),
        (header::IF_MATCH, "W/\"1\""),
        (header::IF_NONE_MATCH, "\"1\""),
    ];
    for header in odd {
        let shown = format!("{header:?}");
        let answer = bench.send(Method::PUT, &url, &[header], b"1234").await;
        let malformed = matches!(status(&answer), Err(Failure::Malformed(_)));
        assert!(malformed, "{shown}");
    }
    let response = bench.get("a", &[]).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_conditional_upload_replaces_only_what_was_meant() {
    let bench = Bench::new();
    let url = bench.url(For::Put, "a");
    let put = |name: HeaderName, condition: String| {
        let (bench, url) = (&bench, &url);
        async move {
            let headers = [(name, condition.as_str())];
            let answer = bench.send(Method::PUT, url, &headers, b"1").await;
            status(&answer)
        }
    };
    let absent = || put(header::IF_NONE_MATCH, "*".into());
    assert_eq!(absent().await, Ok(StatusCode::CREATED));
    assert_eq!(absent().await, Ok(StatusCode::PRECONDITION_FAILED));
    let tag = text(&bench.get("a", &[]).await, header::ETAG).to_owned();
    let other = put(header::IF_MATCH, "\"other\"".into()).await;
    assert_eq!(other, Ok(StatusCode::PRECONDITION_FAILED));
    let same = put(header::IF_MATCH, tag).await;
    assert_eq!(same, Ok(StatusCode::CREATED));
}

#[test]
fn the_gateway_and_the_signer_mean_the_same_urls() {
    assert_eq!(stoa_gateway::PRESIGNED_PREFIX, presign::PATH_PREFIX);
}
