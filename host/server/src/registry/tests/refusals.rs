//! Images that are refused: what is damaged, too large, or something else.

use super::*;

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
