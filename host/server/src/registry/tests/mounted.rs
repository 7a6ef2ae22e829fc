//! Images of applications that mount files: of Spin, and of ours.

use super::*;

#[tokio::test]
async fn files_that_spin_pushed_are_taken_from_layers_archives_and_itself() {
    let fake = Fake::start().await;
    let code = layer(&fake, WASM, "\0asm");
    let data = "application/vnd.wasm.content.layer.v1+data";
    let alone = layer(&fake, data, "alone");
    let packed = [
        Bytes::from_static(b"packed"),
        Bytes::from_static(b"unwanted"),
    ];
    let archive = packed.iter().map(|bytes| (Digest::of(bytes), bytes));
    let archive = archive::pack(archive).expect("memory takes it");
    let archive = layer(
        &fake,
        "application/vnd.wasm.content.bundle.v1.tar+gzip",
        archive,
    );
    let mounted = json!({ "files": [
        { "path": "alone", "digest": alone["digest"] },
        { "path": "a/packed", "digest": Digest::of(b"packed") },
        { "path": "inline", "inline": "eA==", "digest": Digest::of(b"x") },
    ] });
    let digest = code["digest"].as_str().expect("it is text").to_owned();
    let locked = locked(&fake, &digest, mounted);
    put(&fake, &[code.clone(), alone.clone(), locked.clone()]);
    assert!(refused(&fake).await.contains("and no layer holds that"));
    put(&fake, &[code, alone, archive, locked]);
    let image = pulled(&fake, ":1.0")
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    for (path, text) in [("alone", "alone"), ("a/packed", "packed"), ("inline", "x")] {
        let bytes = image.files.get(&format!("files/web/{path}"));
        assert_eq!(bytes.map(|it| &it[..]), Some(text.as_bytes()), "{path}");
    }
    assert_eq!(image.files.iter().count(), 4);
}

#[tokio::test]
async fn archives_that_are_none_are_told() {
    let fake = Fake::start().await;
    let code = layer(&fake, WASM, "\0asm");
    let archive = layer(
        &fake,
        "application/vnd.wasm.content.bundle.v1.tar+gzip",
        "x",
    );
    let digest = code["digest"].as_str().expect("it is text").to_owned();
    let mounted = json!({ "files": [{ "path": "a", "digest": Digest::of(b"packed") }] });
    let locked = locked(&fake, &digest, mounted);
    put(&fake, &[code, archive, locked]);
    assert!(refused(&fake).await.contains("cannot be unpacked"));
}

/// An application that mounts so many files beside its code.
fn mounting(count: usize) -> (Bundle, Files) {
    let manifest = "spin_manifest_version = 2\n[application]\nname = \"files\"\n\
                    [[trigger.http]]\nroute = \"/...\"\ncomponent = \"a\"\n\
                    [component.a]\nsource = \"a.wasm\"\nfiles = [\"assets/*\"]\n";
    let mut files = Files::default();
    files.insert("a.wasm", Bytes::from_static(b"\0asm a"));
    for number in 0..count {
        let text = format!("{number:0200}");
        files.insert(format!("assets/{number}"), text.into());
    }
    (Bundle::new(manifest, None, &files), files)
}

#[tokio::test]
async fn many_files_travel_in_one_layer_and_come_back() {
    let fake = Fake::start().await;
    let (bundle, files) = mounting(1_500);
    let mut to = registry(&fake, ":1.0", Purpose::Push, None);
    let pushed = push(&mut to, &bundle, &files, None).await;
    let pushed = pushed.unwrap_or_else(|error| panic!("{error}"));
    // Code, archive, bundle and configuration.
    assert_eq!(pushed.all, 4);
    let image = pulled(&fake, ":1.0")
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(image.bundle, bundle);
    assert_eq!(image.files.digests(), files.digests());
}

#[test]
fn what_spin_reads_names_the_files_that_are_mounted() {
    let (bundle, mut files) = mounting(1);
    let app = bundle
        .parse()
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    files.insert("assets/small", Bytes::from_static(b"x"));
    let lock = lock(&app, &files).unwrap_or_else(|told| panic!("{told:?}"));
    let text: Value = serde_json::from_slice(&lock.text).expect("it is JSON");
    assert_eq!(
        text["components"][0]["files"],
        json!([
            { "path": "assets/0", "digest": Digest::of("0".repeat(200).as_bytes()) },
            { "path": "assets/small", "digest": Digest::of(b"x"), "inline": "eA==" },
        ])
    );
    let converted = locked::convert(&lock.text).unwrap_or_else(|told| panic!("{told}"));
    assert_eq!(converted.files["files/a/assets/small"], Digest::of(b"x"));
    // Spin would look for it among the code.
    let code = [&b"\0asm"[..], &[0; 200]].concat();
    files.insert("assets/code", code.into());
    let told = super::lock(&app, &files)
        .map(drop)
        .expect_err("it is refused");
    assert_eq!(told, ["component `a`: it mounts code: `/assets/code`"]);
}
