//! Where the bytes of images lie: originals as `<product>/<image>`, thumbnails as `<product>/<image>/<size>`.

use super::absent;
use super::thumbnail::Thumbnail;
use crate::faults;
use stoa_sdk::blobs::{Container, Error, Options, Range, Reader, Store};
use stoa_sdk::http::Problem;

/// Under which the store is granted.
const STORE_LABEL: &str = "media";

/// The blobs of all products.
pub(super) struct Media {
    originals: Container,
    thumbnails: Container,
}

/// The bytes of an image.
pub(super) struct File {
    pub(super) content_type: &'static str,
    pub(super) original: Vec<u8>,
    pub(super) thumbnails: Vec<Thumbnail>,
}

impl Media {
    pub(super) fn open() -> Result<Self, Problem> {
        Self::granted().map_err(|error| fault(&error))
    }

    fn granted() -> Result<Self, Error> {
        let store = Store::open(STORE_LABEL)?;
        Ok(Self {
            originals: store.container("images"),
            thumbnails: store.container("thumbnails"),
        })
    }

    /// Whether all of the image is there.
    pub(super) async fn has(&self, product: &str, image: &str) -> Result<bool, Problem> {
        let info = self.originals.head(&name(product, image)).await;
        Ok(info.map_err(|error| fault(&error))?.is_some())
    }

    /// Keeps an image, in place of what an earlier try may have left.
    pub(super) async fn keep(&self, product: &str, image: &str, file: File) -> Result<(), Problem> {
        let kept = self.write(&name(product, image), file).await;
        kept.map_err(|error| fault(&error))
    }

    /// The original last: where it is, the thumbnails are.
    async fn write(&self, name: &str, file: File) -> Result<(), Error> {
        for thumbnail in file.thumbnails {
            let name = format!("{name}/{}", thumbnail.size);
            let options = Options::of_type(thumbnail.content_type);
            self.thumbnails
                .write(&name, thumbnail.bytes, options)
                .await?;
        }
        let options = Options::of_type(file.content_type);
        self.originals.write(name, file.original, options).await?;
        Ok(())
    }

    /// Opens the original, or the thumbnail of this size.
    pub(super) async fn read(
        &self,
        product: &str,
        image: &str,
        size: Option<u32>,
    ) -> Result<Reader, Problem> {
        let name = name(product, image);
        let reader = match size {
            None => self.originals.get(&name).await,
            Some(size) => self.thumbnails.get(&format!("{name}/{size}")).await,
        };
        reader.map_err(|error| match error {
            // Removed since the product was asked.
            Error::NotFound(_) => absent(),
            error => fault(&error),
        })
    }
}

/// Removes the blobs whose names start with this: `<product>/` for all images of a product that is gone. One that
/// cannot be removed is nobody's any more, so this is only noted.
pub(crate) async fn forget(prefix: &str) {
    if let Err(error) = remove_all(prefix).await {
        eprintln!("products: blobs of {prefix} are left behind: {error}");
    }
}

/// Originals first, as they tell whether an image is there.
async fn remove_all(prefix: &str) -> Result<(), Error> {
    let media = Media::granted()?;
    for container in [media.originals, media.thumbnails] {
        // One page holds many times what a product has.
        let page = container.list(Range::prefix(prefix)).await?;
        for info in page.entries {
            container.delete(&info.name).await?;
        }
    }
    Ok(())
}

/// A failure of the store. The detail goes to the log.
fn fault(error: &Error) -> Problem {
    eprintln!("products: blob store failed: {error}");
    match error {
        Error::Deadline | Error::Unavailable | Error::Quota(_) => faults::busy(),
        _ => Problem::new(500),
    }
}

fn name(product: &str, image: &str) -> String {
    format!("{product}/{image}")
}
