//! Archives in images: many small files as one layer (`tar`, compressed by gzip), as Spin packs them.
//!
//! What an archive calls its files does not matter: an image names them by digest, so only contents are taken out.
//! Nothing is written to a disk, and nothing beyond a bound is unpacked.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use stoa_capabilities::releases::{Digest, FILE_BYTES_MAX};

/// `tar` counts in blocks of so many bytes.
const BLOCK: usize = 512;
/// Entries of one archive, of whatever kind.
const ENTRIES_MAX: usize = 100_000;
/// Where a header has the size of its entry, ...
const SIZE: std::ops::Range<usize> = 124..136;
/// ... the sum of its bytes, ...
const SUM: std::ops::Range<usize> = 148..156;
/// ... and the kind of the entry.
const KIND: usize = 156;
/// Kinds that are files: of today, and of before there were kinds.
const FILES: [u8; 2] = [b'0', 0];

/// Takes the files out that are wanted, by their digests. `left` is how many bytes may be unpacked yet, of this archive and
/// of those that follow: what nobody wants takes as long.
///
/// # Errors
/// Why it is no such archive, for people.
pub(super) fn unpack(
    archive: &[u8],
    wanted: impl Fn(Digest) -> bool,
    left: &mut u64,
) -> Result<BTreeMap<Digest, Bytes>, String> {
    let mut unpacked = Bounded {
        inner: MultiGzDecoder::new(archive),
        left,
    };
    let mut files = BTreeMap::new();
    for _ in 0..ENTRIES_MAX {
        let Some(header) = header(&mut unpacked).map_err(unreadable)? else {
            return Ok(files);
        };
        let bytes = entry(&mut unpacked, &header)?;
        if let Some(bytes) = bytes {
            let digest = Digest::of(&bytes);
            if wanted(digest) {
                files.insert(digest, bytes.into());
            }
        }
    }
    Err(format!(
        "an archive in it has more than {ENTRIES_MAX} entries"
    ))
}

/// The same files make the same archive.
pub(super) fn pack<'f>(files: impl Iterator<Item = (Digest, &'f Bytes)>) -> io::Result<Bytes> {
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::default());
    for (digest, bytes) in files {
        add(&mut packed, &digest.hex(), bytes)?;
    }
    // Two empty blocks are the end.
    packed.write_all(&[0; 2 * BLOCK])?;
    packed.finish().map(Bytes::from)
}

/// The next header; none at the end.
fn header(from: &mut impl Read) -> io::Result<Option<[u8; BLOCK]>> {
    let mut header = [0; BLOCK];
    let mut filled = 0;
    while filled < BLOCK {
        match from.read(&mut header[filled..])? {
            // Some tools leave the empty blocks out.
            0 if filled == 0 => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    Ok((header != [0; BLOCK]).then_some(header))
}

/// The bytes of an entry, if it is a file.
fn entry(from: &mut impl Read, header: &[u8; BLOCK]) -> Result<Option<Vec<u8>>, String> {
    if number(&header[SUM]) != Some(sum(header)) {
        return Err("an archive in it is damaged".to_owned());
    }
    let size = number(&header[SIZE]).ok_or("an archive in it has an entry without a size")?;
    if size > FILE_BYTES_MAX as u64 {
        let most = FILE_BYTES_MAX / 1024 / 1024;
        return Err(format!("a file in an archive is larger than {most} MiB"));
    }
    let padded = size.next_multiple_of(BLOCK as u64);
    let mut bytes = Vec::new();
    from.take(padded)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 != padded {
        return Err("an archive in it ends in the middle of a file".to_owned());
    }
    let size = usize::try_from(size).expect("it is smaller than what was read");
    bytes.truncate(size);
    Ok(FILES.contains(&header[KIND]).then_some(bytes))
}

fn add(to: &mut GzEncoder<Vec<u8>>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = [0; BLOCK];
    header[..name.len()].copy_from_slice(name.as_bytes());
    for (at, octal) in [
        (100, "0000444"),
        (108, "0000000"),
        (116, "0000000"),
        (136, "00000000000"),
    ] {
        header[at..at + octal.len()].copy_from_slice(octal.as_bytes());
    }
    header[SIZE][..11].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
    header[KIND] = FILES[0];
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum = format!("{:06o}\0 ", sum(&header));
    header[SUM].copy_from_slice(sum.as_bytes());
    to.write_all(&header)?;
    to.write_all(bytes)?;
    let padding = bytes.len().next_multiple_of(BLOCK) - bytes.len();
    to.write_all(&[0; BLOCK][..padding])
}

/// The sum of a header's bytes, those of the sum itself taken for spaces.
fn sum(header: &[u8; BLOCK]) -> u64 {
    let bytes = header.iter().enumerate();
    let counted = bytes.map(|(at, byte)| match SUM.contains(&at) {
        true => u64::from(b' '),
        false => u64::from(*byte),
    });
    counted.sum()
}

/// A number in octal digits, between spaces and up to a zero. Binary ones, which large files have, are too large anyway.
fn number(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches([' ', '\0']);
    u64::from_str_radix(digits, 8).ok()
}

fn unreadable(error: io::Error) -> String {
    format!("an archive in it cannot be unpacked: {error}")
}

/// A reader that fails rather than give more than a bound, and takes off what it gave.
struct Bounded<'l, R> {
    inner: R,
    left: &'l mut u64,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        *self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other("it is too large"))?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive as it is written here, unpacked, so that a test can spoil it.
    fn spoiled(files: &[&[u8]], spoil: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        let packed = packed(files);
        let mut bytes = Vec::new();
        MultiGzDecoder::new(&packed[..])
            .read_to_end(&mut bytes)
            .expect("it was packed");
        spoil(&mut bytes);
        let mut again = GzBuilder::new().write(Vec::new(), Compression::fast());
        again.write_all(&bytes).expect("memory takes it");
        again.finish().expect("memory takes it")
    }

    fn packed(files: &[&[u8]]) -> Bytes {
        let files: Vec<Bytes> = files.iter().map(|it| Bytes::copy_from_slice(it)).collect();
        let named = files.iter().map(|bytes| (Digest::of(bytes), bytes));
        pack(named).expect("memory takes it")
    }

    #[track_caller]
    fn refused(archive: &[u8], part: &str) {
        let told = unpack(archive, |_| true, &mut (1 << 20)).expect_err("it is refused");
        assert!(told.contains(part), "{told}");
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        refused(b"text", "cannot be unpacked");
        refused(&spoiled(&[b"a"], |bytes| bytes[0] ^= 1), "is damaged");
        let cut = |bytes: &mut Vec<u8>| bytes.truncate(BLOCK + 10);
        refused(&spoiled(&[b"a"], cut), "in the middle of a file");
        refused(
            &spoiled(&[b"a"], |bytes| bytes.truncate(10)),
            "cannot be unpacked",
        );
        let sized = |size: &'static [u8; 11]| {
            move |bytes: &mut Vec<u8>| {
                bytes[SIZE][..11].copy_from_slice(size);
                let header: &[u8; BLOCK] = bytes[..BLOCK].try_into().expect("it has one");
                let sum = format!("{:06o}\0 ", sum(header));
                bytes[SUM].copy_from_slice(sum.as_bytes());
            }
        };
        refused(
            &spoiled(&[b"a"], sized(b"77777777777")),
            "is larger than 256 MiB",
        );
        refused(&spoiled(&[b"a"], sized(b"what is it?")), "without a size");
    }

    #[test]
    fn no_more_is_unpacked_than_is_allowed() {
        // A mebibyte of nothing is a kibibyte when it is packed.
        let archive = packed(&[&[0; 1 << 20]]);
        assert!(archive.len() < 1 << 12);
        refused(&archive, "it is too large");
        let told = unpack(&archive, |_| true, &mut (2 << 20));
        assert_eq!(told.map(|files| files.len()), Ok(1));
    }

    #[test]
    fn what_nobody_wants_is_taken_off_what_may_be_unpacked() {
        let archive = packed(&[&[0; 1 << 20]]);
        let mut left = 2 << 20;
        let first = unpack(&archive, |_| false, &mut left);
        assert_eq!(first.map(|files| files.len()), Ok(0));
        let told = unpack(&archive, |_| false, &mut left).expect_err("too little is left");
        assert!(told.contains("it is too large"), "{told}");
    }

    #[test]
    fn files_come_out_by_their_digests_and_only_those_that_are_wanted() {
        let files: [&[u8]; 3] = [b"", b"a", &[7; 3 * BLOCK]];
        let archive = packed(&files);
        assert_eq!(archive, packed(&files));
        let unpacked = unpack(&archive, |_| true, &mut (1 << 20)).expect("it is one");
        for file in files {
            let found = unpacked.get(&Digest::of(file));
            assert_eq!(found.map(|it| &it[..]), Some(file));
        }
        let wanted = Digest::of(b"a");
        let unpacked = unpack(&archive, |digest| digest == wanted, &mut (1 << 20));
        let digests = unpacked.map(|files| files.into_keys().collect::<Vec<_>>());
        assert_eq!(digests, Ok(vec![wanted]));
    }

    #[test]
    fn folders_and_links_are_passed_over() {
        for kind in *b"1256" {
            let archive = spoiled(&[b"a", b"b"], |bytes| {
                bytes[KIND] = kind;
                let header: &[u8; BLOCK] = bytes[..BLOCK].try_into().expect("it has one");
                let sum = format!("{:06o}\0 ", sum(header));
                bytes[SUM].copy_from_slice(sum.as_bytes());
            });
            let unpacked = unpack(&archive, |_| true, &mut (1 << 20));
            let digests = unpacked.map(|files| files.into_keys().collect::<Vec<_>>());
            assert_eq!(digests, Ok(vec![Digest::of(b"b")]));
        }
    }
}
