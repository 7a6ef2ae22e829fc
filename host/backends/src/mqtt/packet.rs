//! The packets of MQTT 3.1.1 that a client which only publishes sends, and those that it receives.

use stoa_capabilities::mqtt::{Error, Login, Message, Quality};

/// Says that a client leaves.
pub(super) const DISCONNECT: [u8; 2] = [0xe0, 0];

/// A packet that a broker sends, by the number of its message where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    /// Whether the client is welcome: 0 if it is.
    Welcome(u8),
    /// A message that is to arrive at least once is there.
    Acknowledged(u16),
    /// A message that is to arrive once is there ...
    Taken(u16),
    /// ... and is not known by its number any more.
    Completed(u16),
}

/// The first two bytes of a packet: what it is, and how many bytes follow.
pub(super) const HEAD_BYTES: usize = 2;
/// What follows the head of every packet that a broker has reason to send.
pub(super) const BODY_BYTES: usize = 2;

impl Received {
    pub(super) fn read(head: [u8; HEAD_BYTES], body: [u8; BODY_BYTES]) -> Result<Self, Error> {
        let number = u16::from_be_bytes(body);
        match head {
            [0x20, 2] => Ok(Self::Welcome(body[1])),
            [0x40, 2] => Ok(Self::Acknowledged(number)),
            [0x50, 2] => Ok(Self::Taken(number)),
            [0x70, 2] => Ok(Self::Completed(number)),
            _ => Err(Error::Protocol),
        }
    }
}

/// Asks to be let in, without a session that would outlive the connection. All texts fit, which was checked.
pub(super) fn connect(client: &str, login: &Login) -> Vec<u8> {
    let (user, password) = (login.user.as_str(), login.password.expose());
    let clean_session = 0x02;
    let flags = clean_session
        | if user.is_empty() { 0 } else { 0x80 }
        | if password.is_empty() { 0 } else { 0x40 };
    let keep_alive = u16::try_from(login.keep_alive.as_secs()).unwrap_or(u16::MAX);
    let mut body = Vec::new();
    put(&mut body, b"MQTT");
    // The number of version 3.1.1.
    body.extend([4, flags]);
    body.extend(keep_alive.to_be_bytes());
    put(&mut body, client.as_bytes());
    for text in [user, password] {
        if !text.is_empty() {
            put(&mut body, text.as_bytes());
        }
    }
    packet(0x10, &[&body])
}

/// A message and its number, which one that may be lost has none of.
pub(super) fn publish(message: &Message, number: u16) -> Vec<u8> {
    let quality = match message.quality {
        Quality::AtMostOnce => 0,
        Quality::AtLeastOnce => 1,
        Quality::ExactlyOnce => 2,
    };
    let mut head = Vec::new();
    put(&mut head, message.topic.as_bytes());
    if quality > 0 {
        head.extend(number.to_be_bytes());
    }
    packet(0x30 | (quality << 1), &[&head, &message.payload])
}

/// Says that a message which is to arrive once is known to be there.
pub(super) fn release(number: u16) -> Vec<u8> {
    packet(0x62, &[&number.to_be_bytes()])
}

fn packet(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let bytes: usize = parts.iter().map(|part| part.len()).sum();
    let mut packet = Vec::with_capacity(5 + bytes);
    packet.push(kind);
    put_length(&mut packet, bytes);
    for part in parts {
        packet.extend_from_slice(part);
    }
    packet
}

/// Seven bits to a byte, the lowest first; the highest bit says that there are more.
fn put_length(packet: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = (length % 128) as u8;
        length /= 128;
        match length {
            0 => return packet.push(low),
            _ => packet.push(low | 0x80),
        }
    }
}

/// A text behind its length.
fn put(body: &mut Vec<u8>, text: &[u8]) {
    let length = u16::try_from(text.len()).expect("longer texts were refused");
    body.extend(length.to_be_bytes());
    body.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use stoa_capabilities::variables::Secret;

    use super::*;

    fn login(user: &str, password: &str, keep_alive: u64) -> Login {
        Login {
            user: user.into(),
            password: Secret::new(password),
            keep_alive: Duration::from_secs(keep_alive),
        }
    }

    fn message(quality: Quality, payload: &[u8]) -> Message {
        Message {
            topic: "a/b".into(),
            payload: payload.to_vec(),
            quality,
        }
    }

    #[test]
    fn what_a_broker_has_no_reason_to_send_is_refused() {
        for head in [[0x30, 2], [0x40, 3], [0x20, 0], [0x10, 2], [0xd0, 0]] {
            assert_eq!(
                Received::read(head, [0, 1]),
                Err(Error::Protocol),
                "{head:?}"
            );
        }
        assert_eq!(Received::read([0x20, 2], [0, 5]), Ok(Received::Welcome(5)));
        assert_eq!(
            Received::read([0x40, 2], [1, 2]),
            Ok(Received::Acknowledged(258))
        );
    }

    #[test]
    fn nobody_asks_without_a_name() {
        let packet = connect("me", &login("", "", 5));
        assert_eq!(packet, b"\x10\x0e\0\x04MQTT\x04\x02\0\x05\0\x02me");
    }

    #[test]
    fn who_asks_is_said() {
        let packet = connect("", &login("u", "pw", 100_000));
        let said = b"\x10\x13\0\x04MQTT\x04\xc2\xff\xff\0\0\0\x01u\0\x02pw";
        assert_eq!(packet, said);
    }

    #[test]
    fn a_message_has_a_number_where_it_is_answered() {
        let packet = publish(&message(Quality::AtMostOnce, b"hi"), 7);
        assert_eq!(packet, b"\x30\x07\0\x03a/bhi");
        let packet = publish(&message(Quality::AtLeastOnce, b"hi"), 7);
        assert_eq!(packet, b"\x32\x09\0\x03a/b\0\x07hi");
        let packet = publish(&message(Quality::ExactlyOnce, b""), 7);
        assert_eq!(packet, b"\x34\x07\0\x03a/b\0\x07");
        assert_eq!(release(7), b"\x62\x02\0\x07");
    }

    #[test]
    fn lengths_take_as_many_bytes_as_they_need() {
        for (length, bytes) in [
            (127, &[0x7f][..]),
            (128, &[0x80, 0x01]),
            (16_384, &[0x80, 0x80, 0x01]),
            (268_435_455, &[0xff, 0xff, 0xff, 0x7f]),
        ] {
            let mut packet = Vec::new();
            put_length(&mut packet, length);
            assert_eq!(packet, bytes, "{length}");
        }
    }
}
