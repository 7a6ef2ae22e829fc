//! The fields of a packet, read one after the other. Nothing is believed: what a packet does not hold is an error, and no
//! number in it becomes a size before so many bytes are there.

use super::failure::Failure;

/// What is left of a packet.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn new(packet: &'a [u8]) -> Self {
        Self(packet)
    }

    /// So many bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Failure> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Failure::SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    /// So many bytes, as numbers are made of them: the least one first.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Failure::SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Failure> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Failure> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Failure> {
        self.array().map(u32::from_le_bytes)
    }

    /// A number of one to nine bytes.
    pub(super) fn number(&mut self) -> Result<u64, Failure> {
        match self.u8()? {
            short @ ..=0xfa => Ok(short.into()),
            0xfc => self.u16().map(u64::from),
            0xfd => {
                let [low, middle, high] = self.array()?;
                Ok(u32::from_le_bytes([low, middle, high, 0]).into())
            }
            0xfe => self.array().map(u64::from_le_bytes),
            _ => Err(Failure::Broken("the server sent a number that is none")),
        }
    }

    /// Bytes behind their number.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Failure> {
        let count = self.number()?;
        self.take(usize::try_from(count).map_err(|_| Failure::SHORT)?)
    }

    /// Bytes before a zero, or all where there is none.
    pub(super) fn name(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == 0);
        let (name, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or_default();
        name
    }

    /// All that is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Writes bytes behind their number.
pub(super) fn put(bytes: &[u8], to: &mut Vec<u8>) {
    let count = (bytes.len() as u64).to_le_bytes();
    match bytes.len() {
        ..=0xfa => to.push(count[0]),
        0xfb..=0xffff => {
            to.push(0xfc);
            to.extend_from_slice(&count[..2]);
        }
        0x1_0000..=0xff_ffff => {
            to.push(0xfd);
            to.extend_from_slice(&count[..3]);
        }
        _ => {
            to.push(0xfe);
            to.extend_from_slice(&count);
        }
    }
    to.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_read() {
        assert_eq!(Fields::new(&[]).u8(), Err(Failure::SHORT));
        assert_eq!(Fields::new(&[1, 2, 3]).u32(), Err(Failure::SHORT));
        assert_eq!(Fields::new(&[0xfd, 1, 2]).number(), Err(Failure::SHORT));
        assert_eq!(Fields::new(&[3, b'a', b'b']).bytes(), Err(Failure::SHORT));
        let endless = [&[0xfe][..], &[0xff; 8]].concat();
        assert_eq!(Fields::new(&endless).number(), Ok(u64::MAX));
        assert_eq!(Fields::new(&endless).bytes(), Err(Failure::SHORT));
    }

    #[test]
    fn nothing_and_an_error_are_no_numbers() {
        for byte in [0xfb, 0xff] {
            let read = Fields::new(&[byte, 0, 0]).number();
            assert!(matches!(read, Err(Failure::Broken(_))), "{byte}");
        }
    }

    #[test]
    fn bytes_of_any_length_are_read_as_they_were_written() {
        for length in [0, 250, 251, 65_535, 65_536, 16_777_215, 16_777_216] {
            let (bytes, mut written) = (vec![7; length], Vec::new());
            put(&bytes, &mut written);
            let mut fields = Fields::new(&written);
            assert!(fields.bytes() == Ok(&bytes[..]), "{length}");
            assert!(fields.rest().is_empty(), "{length}");
        }
    }

    #[test]
    fn a_name_ends_with_a_zero_or_with_the_packet() {
        let mut fields = Fields::new(b"one\0two");
        assert_eq!((fields.name(), fields.name()), (&b"one"[..], &b"two"[..]));
        assert_eq!((fields.name(), fields.rest()), (&b""[..], &b""[..]));
    }
}
