//! A blob that is being written.

use std::sync::Arc;

use super::files::{Placed, Staged};
use super::index::{self, Found};
use super::worker::Worker;
use super::{Shared, now};
use crate::blobs::{Error, Info, Options, Place, Sink};

pub(super) struct Upload {
    shared: Arc<Shared>,
    lane: Worker<()>,
    /// With a job while one runs; one that failed or was given up has dropped it, and with it the file.
    staged: Option<Staged>,
    place: Place,
    options: Options,
}

impl Upload {
    pub(super) fn new(
        shared: Arc<Shared>,
        lane: Worker<()>,
        staged: Staged,
        place: Place,
        options: Options,
    ) -> Self {
        Self {
            shared,
            lane,
            staged: Some(staged),
            place,
            options,
        }
    }

    /// More than announced is the guest's mistake; more than allowed is a limit.
    fn fits(&self, size: u64) -> Result<(), Error> {
        let limit = self.options.bytes_max;
        match self.options.size {
            Some(announced) if size > announced => Err(unkept(announced)),
            _ if size > limit => Err(Error::TooLarge { limit }),
            _ => Ok(()),
        }
    }
}

#[async_trait::async_trait]
impl Sink for Upload {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        let staged = self.staged.take().ok_or_else(ended)?;
        self.fits(staged.written() + bytes.len() as u64)?;
        let files = Arc::clone(&self.shared);
        let appended = self.lane.run(move |_| staged.append(&bytes, &*files.syncs));
        self.staged = Some(appended.await?);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<Info, Error> {
        let Self {
            shared,
            lane,
            staged,
            place,
            options,
        } = *self;
        let staged = staged.ok_or_else(ended)?;
        if let Some(announced) = options.size
            && staged.written() != announced
        {
            return Err(unkept(announced));
        }
        let files = Arc::clone(&shared);
        let placed = lane.run(move |_| staged.place(&files.layout, &*files.syncs));
        let placed = placed.await?;
        commit(&shared, placed, place, options).await
    }
}

async fn commit(
    shared: &Arc<Shared>,
    placed: Placed,
    place: Place,
    options: Options,
) -> Result<Info, Error> {
    let Placed { guard, etag, size } = placed;
    let blob = Found {
        content: guard.content().to_owned(),
        info: Info {
            name: place.name.clone(),
            size,
            content_type: options.content_type,
            etag,
            modified: now(),
            metadata: options.metadata,
        },
    };
    let (info, content) = (blob.info.clone(), blob.content.clone());
    let condition = options.condition;
    let committed = shared.change(
        move |connection| {
            let changed = index::commit(connection, &place, &blob, &condition)?;
            guard.keep();
            Ok(changed)
        },
        move |_| Some(content),
    );
    committed.await?;
    Ok(info)
}

fn unkept(announced: u64) -> Error {
    Error::Invalid(format!(
        "the blob was announced with {announced} bytes and has another size"
    ))
}

fn ended() -> Error {
    Error::Invalid("the writer has ended".to_owned())
}
