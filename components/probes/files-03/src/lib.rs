//! Answers HTTP requests with what it finds among its files, for the host's tests: a WASI 0.3 guest that waits without
//! blocking. The calls are those of `files-02`, without `append`; besides, `mounts` lists what it was given.
#![cfg(target_family = "wasm")]

use probe_kit_03::{Call, Refusal, done, lines, text, value};
use stoa_sdk::http::{Request, Response};
use wasip3::filesystem::preopens;
use wasip3::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, OpenFlags, PathFlags,
};

stoa_sdk::service!(handle);

async fn handle(request: Request) -> Response {
    // Both sides of the result are answers: a refusal is one too.
    answer(&Call::of(&request))
        .await
        .unwrap_or_else(|refusal| refusal.into())
}

async fn answer(call: &Call) -> Result<Response, Refusal> {
    let mounts = preopens::get_directories();
    if call.op()? == "mounts" {
        let paths = mounts.into_iter().map(|(_, path)| path.into_bytes());
        return Ok(lines(paths));
    }
    let path = call.wanted("path")?.trim_start_matches('/');
    let Some((root, _)) = mounts.into_iter().find(|(_, path)| path == "/") else {
        return Ok(Response::new(404));
    };
    let outcome = match call.op()? {
        "read" => read(&root, path).await,
        "list" => list(&root, path).await,
        "size" => size(&root, path).await,
        "write" => write(&root, path, call.value()?.to_vec()).await,
        "make" => root
            .create_directory_at(path.to_owned())
            .await
            .map(|()| done()),
        "move" => {
            let to = call.wanted("to")?.trim_start_matches('/');
            let moved = root.rename_at(path.to_owned(), &root, to.to_owned());
            moved.await.map(|()| done())
        }
        "remove" => root.unlink_file_at(path.to_owned()).await.map(|()| done()),
        op => return Err(Refusal::bad(format!("no such op: {op}"))),
    };
    match outcome {
        Err(ErrorCode::NoEntry) => Ok(Response::new(404)),
        outcome => outcome.map_err(refused),
    }
}

async fn open(
    root: &Descriptor,
    path: &str,
    open: OpenFlags,
    flags: DescriptorFlags,
) -> Result<Descriptor, ErrorCode> {
    let path = match path {
        "" => ".",
        path => path,
    };
    root.open_at(PathFlags::SYMLINK_FOLLOW, path.to_owned(), open, flags)
        .await
}

async fn read(root: &Descriptor, path: &str) -> Result<Response, ErrorCode> {
    let file = open(root, path, OpenFlags::empty(), DescriptorFlags::READ).await?;
    let (stream, outcome) = file.read_via_stream(0);
    let bytes = stream.collect().await;
    outcome.await?;
    Ok(value(Some(bytes)))
}

async fn list(root: &Descriptor, path: &str) -> Result<Response, ErrorCode> {
    let folder = open(root, path, OpenFlags::DIRECTORY, DescriptorFlags::READ).await?;
    let (stream, outcome) = folder.read_directory();
    let entries = stream.collect().await;
    outcome.await?;
    let mut names: Vec<Vec<u8>> = entries
        .into_iter()
        .map(|entry| {
            let mut name = entry.name.into_bytes();
            if matches!(entry.type_, DescriptorType::Directory) {
                name.push(b'/');
            }
            name
        })
        .collect();
    names.sort();
    Ok(lines(names))
}

async fn size(root: &Descriptor, path: &str) -> Result<Response, ErrorCode> {
    let stat = root.stat_at(PathFlags::SYMLINK_FOLLOW, path.to_owned());
    Ok(text(stat.await?.size))
}

async fn write(root: &Descriptor, path: &str, bytes: Vec<u8>) -> Result<Response, ErrorCode> {
    let how = OpenFlags::CREATE | OpenFlags::TRUNCATE;
    let file = open(root, path, how, DescriptorFlags::WRITE).await?;
    let (mut sender, stream) = wasip3::wit_stream::new();
    let outcome = file.write_via_stream(stream, 0);
    // What is not taken is the host's answer: it comes out of the outcome.
    drop(sender.write_all(bytes).await);
    drop(sender);
    outcome.await?;
    Ok(done())
}

fn refused(error: ErrorCode) -> Refusal {
    let words = format!("{error:?}");
    match error {
        ErrorCode::NotPermitted | ErrorCode::ReadOnly | ErrorCode::Access => {
            Refusal::forbidden("not-permitted", &words)
        }
        _ => Refusal::failed("filesystem", &words),
    }
}
