//! A blob that is being read.

use std::fs::File;
use std::sync::Arc;

use super::files;
use super::worker::Worker;
use crate::blobs::{Error, Info, Part, Source};

pub(super) struct Download {
    /// Its jobs come one after the other, also when a call was given up: they share the file's position.
    lane: Worker<()>,
    file: Arc<File>,
    info: Info,
    span: std::ops::Range<u64>,
    at: u64,
}

impl Download {
    pub(super) fn new(lane: Worker<()>, file: File, info: Info, part: Part) -> Self {
        let span = part.of(info.size);
        Self {
            lane,
            file: Arc::new(file),
            info,
            at: span.start,
            span,
        }
    }
}

#[async_trait::async_trait]
impl Source for Download {
    fn info(&self) -> &Info {
        &self.info
    }

    fn span(&self) -> std::ops::Range<u64> {
        self.span.clone()
    }

    async fn read(&mut self, max: usize) -> Result<Vec<u8>, Error> {
        let left = usize::try_from(self.span.end - self.at).unwrap_or(usize::MAX);
        let (offset, length) = (self.at, max.min(left));
        if length == 0 {
            return Ok(Vec::new());
        }
        let file = Arc::clone(&self.file);
        let bytes = self
            .lane
            .run(move |_| files::read(&file, offset, length))
            .await?;
        self.at += bytes.len() as u64;
        Ok(bytes)
    }
}
