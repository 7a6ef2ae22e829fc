mod fake;
mod mounted;

use serde_json::{Value, json};
use stoa_capabilities::variables::Secret;
use stoa_manifest::App;

use super::credentials::Credentials;
use super::*;
use fake::{Access, Fake, TOKEN};

const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "shop"
[[trigger.http]]
route = "/a/:id"
component = "a"
[[trigger.http]]
route = { private = true }
component = "b"
[component.a]
source = "a.wasm"
key_value_stores = ["default"]
sqlite_databases = ["orders"]
allowed_outbound_hosts = ["http://b.spin.internal"]
environment = { LEVEL = "info" }
[component.a.tool.stoa]
schema = 1
[component.a.tool.stoa.migrations.orders]
folder = "db"
[component.b]
source = "target/b.wasm"
"#;
const PAIR: &str = "me:hunter2";

fn app() -> App {
    stoa_manifest::parse(&Source::new("spin.toml", MANIFEST), None)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn files() -> Files {
    let mut files = Files::default();
    for (path, bytes) in [
        ("a.wasm", &b"\0asm a"[..]),
        ("db/1.sql", &b"create table orders (id)"[..]),
        ("target/b.wasm", &b"\0asm b"[..]),
    ] {
        files.insert(path, Bytes::from_static(bytes));
    }
    files
}

fn bundle() -> Bundle {
    let mut bundle = Bundle::new(MANIFEST, None, &files());
    bundle.signature = Some(crate::admin::messages::Signature {
        key: "k".into(),
        value: "v".into(),
    });
    bundle
}

fn me() -> Option<Credentials> {
    Some(Credentials {
        username: "me".to_owned(),
        password: Secret::new("hunter2"),
    })
}

fn registry(fake: &Fake, tag: &str, purpose: Purpose, who: Option<Credentials>) -> Registry {
    let reference = format!("{}/shop{tag}", fake.address);
    let reference = Reference::parse(&reference).unwrap_or_else(|told| panic!("{told}"));
    Registry::new(reference, purpose, false, who).unwrap_or_else(|error| panic!("{error}"))
}

async fn pushed(fake: &Fake, who: Option<Credentials>) -> Result<Pushed, Error> {
    let lock = lock(&app(), &files()).unwrap_or_else(|told| panic!("{told:?}"));
    let mut registry = registry(fake, ":1.0", Purpose::Push, who);
    push(&mut registry, &bundle(), &files(), Some(&lock)).await
}

async fn pulled(fake: &Fake, tag: &str) -> Result<Image, Error> {
    pull(&mut registry(fake, tag, Purpose::Pull, me())).await
}

async fn refused(fake: &Fake) -> String {
    match pulled(fake, ":1.0").await {
        Ok(image) => panic!("it is no error, but {}", image.digest),
        Err(error) => error.to_string(),
    }
}

/// A registry that has what is pushed.
async fn filled() -> (Fake, Pushed) {
    let fake = Fake::start().await;
    let pushed = pushed(&fake, None).await;
    let pushed = pushed.unwrap_or_else(|error| panic!("{error}"));
    (fake, pushed)
}

/// Pushes an image as it is written.
fn put(fake: &Fake, layers: &[Value]) {
    let mut contents = fake.contents();
    let (config, size) = contents.blob("{}");
    let manifest = json!({
        "schemaVersion": 2,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": size },
        "layers": layers,
    });
    contents.manifest("1.0", manifest.to_string());
}

fn layer(fake: &Fake, media_type: &str, bytes: impl Into<Bytes>) -> Value {
    let (digest, size) = fake.contents().blob(bytes);
    json!({ "mediaType": media_type, "digest": digest, "size": size })
}

fn locked(fake: &Fake, code: &str, mut component: Value) -> Value {
    component["id"] = json!("web");
    component["source"] = json!({ "content_type": "application/wasm", "digest": code });
    let locked = json!({
        "spin_lock_version": 0,
        "metadata": { "name": "spun" },
        "triggers": [{
            "id": "web",
            "trigger_type": "http",
            "trigger_config": { "component": "web", "route": "/..." },
        }],
        "components": [component],
    });
    let media_type = "application/vnd.fermyon.spin.application.v1+config";
    layer(fake, media_type, locked.to_string())
}

const WASM: &str = "application/vnd.wasm.content.layer.v1+wasm";

#[tokio::test]
async fn what_is_not_there_is_told() {
    let (fake, pushed) = filled().await;
    let mut gone = registry(&fake, ":2.0", Purpose::Pull, None);
    let told = pull(&mut gone)
        .await
        .map(drop)
        .expect_err("it is not there");
    assert!(matches!(told, Error::Missing { .. }), "{told}");
    let digest = Digest::of(b"\0asm a").to_string();
    fake.contents().blobs.remove(&digest);
    let told = refused(&fake).await;
    assert_eq!(told, format!("there is no `{digest}` in the registry"));
    assert!(pushed.sent > 0);
}

#[tokio::test]
async fn what_was_tampered_with_is_refused() {
    for (path, other) in [
        ("a.wasm", &b"\0asm x"[..]),
        ("db/1.sql", &b"x"[..]),
        ("a.wasm", &b"\0asm a and more"[..]),
    ] {
        let (fake, _) = filled().await;
        let digest = bundle().files[path].to_string();
        fake.contents()
            .blobs
            .insert(digest.clone(), Bytes::copy_from_slice(other));
        let told = pulled(&fake, ":1.0")
            .await
            .map(drop)
            .expect_err("it is another");
        assert!(matches!(told, Error::Damaged { .. }), "{told}");
        assert!(told.to_string().contains(&digest), "{told}");
    }
}

#[tokio::test]
async fn a_manifest_is_the_one_that_was_asked_for() {
    let (fake, pushed) = filled().await;
    let name = pushed.digest.to_string();
    let other = Bytes::from_static(b"{}");
    fake.contents().manifests.insert(name.clone(), other);
    let told = pulled(&fake, &format!("@{name}")).await.map(drop);
    let told = told.expect_err("it is another");
    assert!(matches!(told, Error::Damaged { .. }), "{told}");
}

#[tokio::test]
async fn a_manifest_that_is_too_large_is_not_read() {
    let fake = Fake::start().await;
    let size = usize::try_from(DOCUMENT_BYTES_MAX).expect("it fits") + 1;
    fake.contents().manifest("1.0", vec![b' '; size]);
    let told = refused(&fake).await;
    assert!(told.contains("it is larger than 4194304 bytes"), "{told}");
}

#[tokio::test]
async fn images_of_something_else_are_told_apart() {
    let fake = Fake::start().await;
    let index = json!({ "schemaVersion": 2, "manifests": [] });
    let first = json!({ "schemaVersion": 1, "config": layer(&fake, "x", "x"), "layers": [] });
    let helm = json!({ "schemaVersion": 2, "mediaType": "application/x-chart" });
    for (text, told) in [
        (index.to_string(), "an index of several images"),
        (first.to_string(), "version 1, not 2"),
        (helm.to_string(), "no image, but `application/x-chart`"),
        ("7".to_owned(), "cannot be read"),
    ] {
        fake.contents().manifest("1.0", text);
        let shown = refused(&fake).await;
        assert!(shown.contains(told), "{shown}");
    }
    let tar = "application/vnd.oci.image.layer.v1.tar+gzip";
    let bundle = "application/vnd.stoa.bundle.v1+json";
    for (layers, told) in [
        (vec![], "no application"),
        (vec![layer(&fake, tar, "x")], "no application"),
        (
            vec![layer(&fake, "application/wasm", "x")],
            "a single component",
        ),
        (vec![layer(&fake, WASM, "x")], "a single component"),
        (
            vec![layer(&fake, bundle, "x"), layer(&fake, bundle, "y")],
            "more than one",
        ),
        (
            vec![layer(&fake, bundle, "{ \"manifest\": 7 }")],
            "its bundle cannot be read",
        ),
    ] {
        put(&fake, &layers);
        let shown = refused(&fake).await;
        assert!(shown.contains(told), "{shown}");
    }
}

#[tokio::test]
async fn images_beyond_the_bounds_are_refused_before_anything_is_fetched() {
    let fake = Fake::start().await;
    let layer = layer(&fake, WASM, "x");
    put(&fake, &vec![layer.clone(); LAYERS_MAX + 1]);
    assert!(refused(&fake).await.contains("it has 1001 layers"));
    let sized = |number: u32, size: u64| {
        let digest = Digest::of(&number.to_be_bytes());
        json!({ "mediaType": WASM, "digest": digest, "size": size })
    };
    put(&fake, &[sized(0, LAYER_BYTES_MAX + 1)]);
    assert!(refused(&fake).await.contains("is larger than 256.0 MiB"));
    let many: Vec<Value> = (0..9).map(|it| sized(it, LAYER_BYTES_MAX)).collect();
    put(&fake, &many);
    assert!(
        refused(&fake)
            .await
            .contains("larger than 2048.0 MiB together")
    );
    let seen = fake.contents();
    assert!(
        seen.seen
            .iter()
            .all(|(_, path, _)| !path.contains("/blobs/"))
    );
}

#[tokio::test]
async fn files_that_no_layer_holds_are_told() {
    let fake = Fake::start().await;
    let text = serde_json::to_string(&bundle()).expect("it can be written");
    let layer = layer(&fake, "application/vnd.stoa.bundle.v1+json", text);
    put(&fake, &[layer]);
    assert!(refused(&fake).await.contains("and no layer holds that"));
}

#[tokio::test]
async fn an_application_comes_back_as_it_was_pushed() {
    let (fake, pushed) = filled().await;
    for tag in [":1.0".to_owned(), format!("@{}", pushed.digest)] {
        let image = pulled(&fake, &tag).await;
        let image = image.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(image.digest, pushed.digest);
        assert_eq!(image.bundle, bundle());
        assert_eq!(image.bundle.digest(), bundle().digest());
        assert_eq!(image.files.digests(), files().digests());
    }
}

#[tokio::test]
async fn what_is_there_is_not_sent_again() {
    let (fake, first) = filled().await;
    // Three files, the bundle, what Spin reads, and the configuration.
    assert_eq!((first.sent, first.all), (6, 6));
    let posts = fake.contents().count("POST");
    let second = pushed(&fake, None)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((second.sent, second.digest), (0, first.digest));
    assert_eq!(fake.contents().count("POST"), posts);
}

#[tokio::test]
async fn layers_say_what_they_are_and_what_they_are_called() {
    let (fake, _) = filled().await;
    let manifest = Manifest::parse(&fake.contents().manifests["1.0"]);
    let manifest = manifest.unwrap_or_else(|told| panic!("{told}"));
    let title = |layer: &Descriptor| {
        let annotations = layer.annotations.clone().unwrap_or_default();
        let title = annotations.get("org.opencontainers.image.title");
        (title.cloned().unwrap_or_default(), layer.media_type.clone())
    };
    let layers: Vec<(String, String)> = manifest.layers.iter().map(title).collect();
    let layers: Vec<(&str, &str)> = layers
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    assert_eq!(
        layers,
        [
            ("a.wasm", WASM),
            ("db/1.sql", "application/vnd.wasm.content.layer.v1+data"),
            ("target/b.wasm", WASM),
            (
                "spin.lock",
                "application/vnd.fermyon.spin.application.v1+config"
            ),
            ("bundle.json", "application/vnd.stoa.bundle.v1+json"),
        ]
    );
}

#[test]
fn what_spin_reads_says_what_the_manifest_says() {
    let lock = lock(&app(), &files()).unwrap_or_else(|told| panic!("{told:?}"));
    assert!(lock.composed.is_empty());
    let text: Value = serde_json::from_slice(&lock.text).expect("it is JSON");
    assert_eq!(text["spin_lock_version"], 1);
    assert_eq!(
        text["must_understand"],
        json!(["component_host_requirements"])
    );
    let routes: Vec<&Value> = ["/triggers/0/trigger_config", "/triggers/1/trigger_config"]
        .iter()
        .filter_map(|path| text.pointer(path))
        .collect();
    assert_eq!(
        routes,
        [
            &json!({ "component": "a", "route": "/a/:id" }),
            &json!({ "component": "b", "route": { "private": true } }),
        ]
    );
    // Read back, it grants the same.
    let converted = locked::convert(&lock.text).unwrap_or_else(|told| panic!("{told}"));
    let source = Source::new("spin.toml", &*converted.manifest);
    let again = stoa_manifest::parse(&source, None).unwrap_or_else(|told| panic!("{told}"));
    for (id, component) in &app().components {
        let again = &again.components[id];
        assert_eq!(again.grants, component.grants, "{id}");
        assert_eq!(
            again.allowed_outbound_hosts, component.allowed_outbound_hosts,
            "{id}"
        );
        assert_eq!(again.environment, component.environment, "{id}");
    }
}

#[test]
fn what_spin_could_not_run_is_told() {
    let told = lock(&app(), &Files::default()).map(drop);
    let told = told.expect_err("there is no code");
    assert_eq!(
        told,
        ["component `a` has no code", "component `b` has no code"]
    );
}

#[tokio::test]
async fn what_spin_pushed_is_refused_like_a_manifest() {
    let fake = Fake::start().await;
    let code = layer(&fake, WASM, "\0asm");
    let digest = code["digest"].as_str().expect("it is text").to_owned();
    for (component, told) in [
        (
            json!({ "files": [{ "path": "../a", "inline": "eA==" }] }),
            "does not stay below `/`",
        ),
        (
            json!({ "metadata": { "key_value_stores": ["a b"] } }),
            "it makes no manifest",
        ),
        (json!({ "dependencies": { "a:b/c": {} } }), "--compose=true"),
    ] {
        let locked = locked(&fake, &digest, component);
        put(&fake, &[code.clone(), locked]);
        let shown = refused(&fake).await;
        assert!(shown.contains(told), "{shown}");
    }
    let seen = fake.contents();
    assert!(!seen.seen.iter().any(|(_, path, _)| path.contains(&digest)));
}

#[tokio::test]
async fn what_spin_pushed_is_taken() {
    let fake = Fake::start().await;
    let code = layer(&fake, WASM, "\0asm");
    let digest = code["digest"].as_str().expect("it is text").to_owned();
    let granted = json!({ "metadata": { "key_value_stores": ["default"] } });
    let locked = locked(&fake, &digest, granted);
    put(&fake, &[code.clone(), locked.clone()]);
    let image = pulled(&fake, ":1.0")
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(
        image
            .bundle
            .manifest
            .contains("key_value_stores = [\"default\"]\n")
    );
    let code_of = image.files.get("components/web.wasm");
    assert_eq!(code_of.map(|it| &it[..]), Some(&b"\0asm"[..]));
    // As older versions of Spin push it.
    let manifest = json!({ "schemaVersion": 2, "config": locked, "layers": [code] });
    fake.contents().manifest("1.0", manifest.to_string());
    let old = pulled(&fake, ":1.0")
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(old.bundle, image.bundle);
}

#[tokio::test]
async fn who_is_not_known_is_told_and_no_secret_with_it() {
    let fake = Fake::start().await;
    let realm = format!("{}/token", fake.url());
    for access in [
        Access::Basic {
            pair: "you:hunter3",
        },
        Access::Token {
            pair: "you:hunter3",
            realm,
        },
    ] {
        fake.contents().access = access;
        for who in [None, me()] {
            let told = pushed(&fake, who)
                .await
                .map(drop)
                .expect_err("it is refused");
            assert!(matches!(told, Error::Denied { .. }), "{told}");
            let shown = format!("{told} {told:?}");
            assert!(
                !shown.contains("hunter") && !shown.contains("bWU6"),
                "{shown}"
            );
        }
        let host = fake.address.to_string();
        let credentials = me().expect("I am somebody");
        let told = check_login(&host, false, credentials).await;
        assert!(matches!(told, Err(Error::Denied { .. })), "{told:?}");
    }
}

#[tokio::test]
async fn who_is_known_pushes_and_pulls() {
    let fake = Fake::start().await;
    let realm = format!("{}/token", fake.url());
    for access in [
        Access::Basic { pair: PAIR },
        Access::Token { pair: PAIR, realm },
    ] {
        fake.contents().access = access;
        pushed(&fake, me())
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        pulled(&fake, ":1.0")
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let host = fake.address.to_string();
        let known = check_login(&host, false, me().expect("I am somebody")).await;
        known.unwrap_or_else(|error| panic!("{error}"));
    }
    let contents = fake.contents();
    let tokens = contents
        .seen
        .iter()
        .filter(|(_, path, _)| path.starts_with("/token"));
    let scopes: Vec<&str> = tokens.map(|(_, path, _)| path.as_str()).collect();
    assert_eq!(
        scopes,
        [
            "/token?service=fake&scope=repository%3Ashop%3Apull%2Cpush",
            "/token?service=fake&scope=repository%3Ashop%3Apull",
            "/token?service=fake",
        ]
    );
}

#[tokio::test]
async fn passwords_and_tokens_stay_with_their_host() {
    let (fake, elsewhere) = (Fake::start().await, Fake::start().await);
    let realm = format!("{}/token", fake.url());
    fake.contents().access = Access::Token { pair: PAIR, realm };
    fake.contents().uploads_elsewhere = Some(elsewhere.url());
    fake.contents().blobs_elsewhere = Some(elsewhere.url());
    pushed(&fake, me())
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    pulled(&fake, ":1.0")
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let there = elsewhere.contents();
    assert!(there.count("PUT") > 0 && there.count("GET") > 0);
    for (method, path, authorization) in &there.seen {
        assert_eq!(*authorization, None, "{method} {path}");
    }
    // With the password only where tokens are.
    for (_, path, authorization) in &fake.contents().seen {
        let is_password = authorization
            .as_deref()
            .is_some_and(|it| it.starts_with("Basic "));
        assert_eq!(is_password, path.starts_with("/token"), "{path}");
        let is_token = *authorization == Some(format!("Bearer {TOKEN}"));
        assert!(is_token || is_password || authorization.is_none(), "{path}");
    }
}

#[tokio::test]
async fn nothing_leads_where_everybody_can_read_along() {
    let fake = Fake::start().await;
    let realm = "http://tokens.example/token".to_owned();
    fake.contents().access = Access::Token { pair: PAIR, realm };
    let told = pushed(&fake, me())
        .await
        .map(drop)
        .expect_err("it is refused");
    assert!(told.to_string().contains("where tokens are"), "{told}");
    let (fake, _) = filled().await;
    fake.contents().blobs_elsewhere = Some("http://blobs.example".to_owned());
    assert!(refused(&fake).await.contains("read along"));
    let (fake, _) = filled().await;
    // Round and round.
    let own = fake.url();
    fake.contents().blobs_elsewhere = Some(own);
    assert!(refused(&fake).await.contains("redirects more than 5 times"));
}

#[tokio::test]
async fn a_registry_that_is_gone_is_told() {
    let fake = Fake::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let address = listener
        .and_then(|it| it.local_addr())
        .expect("a port is free");
    let gone = Fake { address, ..fake };
    let told = pulled(&gone, ":1.0")
        .await
        .map(drop)
        .expect_err("nobody is there");
    assert!(matches!(told, Error::Unreachable { .. }), "{told}");
}
