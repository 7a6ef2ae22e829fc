//! What an address below a product's images names.

use super::thumbnail;
use crate::product::id;

/// What an address names. An id in it is one, and so has nothing that could lead out of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    Collection,
    Original(&'a str),
    /// In one of [`thumbnail::SIZES`].
    Thumbnail(&'a str, u32),
}

impl<'a> Place<'a> {
    /// Reads what follows `images/`, as it was sent. Every place has one spelling.
    pub(super) fn of(rest: &'a str) -> Option<Self> {
        if rest.is_empty() {
            return Some(Self::Collection);
        }
        let (image, size) = match rest.split_once('/') {
            Some((image, size)) => (image, Some(size)),
            None => (rest, None),
        };
        // Images and products are known by as many digits.
        if !id::is_id(image) {
            return None;
        }
        match size {
            None => Some(Self::Original(image)),
            Some(size) => thumbnail::size(size).map(|size| Self::Thumbnail(image, size)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "ba7816bf8f01cfea414140de5dae2223";

    #[test]
    fn refused_when_it_is_no_image() {
        for rest in [
            "/",
            "..",
            "%2e%2e",
            "ba7816bf",
            "BA7816BF8F01CFEA414140DE5DAE2223",
            "../ba7816bf8f01cfea414140de5dae2223",
        ] {
            assert_eq!(Place::of(rest), None, "{rest}");
        }
    }

    #[test]
    fn refused_when_it_is_no_size() {
        for size in ["", "0", "161", "0160", "+160", "160/", "160/..", ".."] {
            assert_eq!(Place::of(&format!("{IMAGE}/{size}")), None, "{size}");
        }
    }

    #[test]
    fn an_image_has_an_original_and_thumbnails() {
        assert_eq!(Place::of(IMAGE), Some(Place::Original(IMAGE)));
        let small = format!("{IMAGE}/160");
        assert_eq!(Place::of(&small), Some(Place::Thumbnail(IMAGE, 160)));
    }
}
