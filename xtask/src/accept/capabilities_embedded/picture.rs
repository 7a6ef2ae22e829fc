//! Pictures to upload: PNG files that are not compressed, because a crate for a handful of bytes is too much.
//!
//! The format is RFC 2083's, the stream within it RFC 1950's, made of stored blocks of RFC 1951.

const WIDTH: usize = 128;
const HEIGHT: usize = 96;
/// Red, green and blue.
const PIXEL_BYTES: usize = 3;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Eight bits a channel, true colour, the one way to compress and to filter, not interlaced.
const FORM: [u8; 5] = [8, 2, 0, 0, 0];
/// A window of 32 KiB, and nothing that was known before.
const ZLIB_HEAD: [u8; 2] = [0x78, 0x01];

/// A picture whose pixels are the bytes of its subject, over and over.
pub(super) fn png(subject: &str) -> Vec<u8> {
    let mut header = Vec::new();
    for side in [WIDTH as u32, HEIGHT as u32] {
        header.extend(side.to_be_bytes());
    }
    header.extend(FORM);
    let mut file = SIGNATURE.to_vec();
    chunk(&mut file, b"IHDR", &header);
    chunk(&mut file, b"IDAT", &stored(&rows(subject)));
    chunk(&mut file, b"IEND", &[]);
    file
}

/// Rows of pixels, each with the filter that leaves it as it is.
fn rows(subject: &str) -> Vec<Vec<u8>> {
    let mut pixels = subject.bytes().cycle();
    let mut row = || {
        let mut row = vec![0_u8];
        row.extend(pixels.by_ref().take(WIDTH * PIXEL_BYTES));
        row
    };
    (0..HEIGHT).map(|_| row()).collect()
}

/// A zlib stream with a block per row.
fn stored(rows: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = ZLIB_HEAD.to_vec();
    for (number, row) in rows.iter().enumerate() {
        // A block is bounded by 16 bits, which a row is far below.
        let length = row.len() as u16;
        stream.push(u8::from(number + 1 == rows.len()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(row);
    }
    stream.extend(adler32(rows.iter().flatten()).to_be_bytes());
    stream
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    file.extend((content.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(kind);
    file.extend(content);
    let sum = crc32(&file[start..]);
    file.extend(sum.to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let is_odd = sum & 1 == 1;
            sum >>= 1;
            if is_odd {
                sum ^= 0xedb8_8320;
            }
        }
    }
    !sum
}

fn adler32<'b>(bytes: impl Iterator<Item = &'b u8>) -> u32 {
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    (high << 16) | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"IEND"), 0xae42_6082);
        assert_eq!(adler32(b"Wikipedia".iter()), 0x11e6_0398);
    }

    #[test]
    fn a_picture_has_its_parts_and_no_two_are_the_same() {
        let picture = png("one ");
        assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x80\0\0\0\x60"));
        assert!(picture.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"));
        assert_eq!(picture, png("one "));
        assert_ne!(picture, png("two "));
    }

    #[test]
    fn the_last_block_alone_says_so() {
        let stream = stored(&[vec![0, 7], vec![0, 9]]);
        assert_eq!(stream[2..9], [0, 2, 0, 0xfd, 0xff, 0, 7]);
        assert_eq!(stream[9..16], [1, 2, 0, 0xfd, 0xff, 0, 9]);
        assert_eq!(stream.len(), 20);
    }
}
