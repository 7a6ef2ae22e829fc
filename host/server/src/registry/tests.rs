//! Images, pushed to and pulled from a small registry. One file per subject.

mod access;
mod fake;
mod mounted;
mod refusals;
mod spin;

use serde_json::{Value, json};
use stoa_capabilities::variables::Secret;
use stoa_manifest::App;

use super::credentials::Credentials;
use super::*;
use fake::Fake;

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
