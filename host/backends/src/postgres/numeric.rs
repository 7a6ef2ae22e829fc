//! `numeric` on the wire: groups of four digits, and where the point is.

/// Digits before the point that PostgreSQL keeps, and after it.
const WHOLE_DIGITS_MAX: usize = 131_072;
const FRACTION_DIGITS_MAX: usize = 16_383;

/// Digits of a group.
const GROUP: usize = 4;
const BASE: i16 = 10_000;
/// How many groups there are, where the point is, the sign, and how many digits are shown behind the point.
const HEAD_BYTES: usize = 8;
/// Beside the digits: a sign, a point and a zero before it; or a word instead of a number.
const BESIDE_BYTES: usize = 16;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITE: u16 = 0xD000;
const MINUS_INFINITE: u16 = 0xF000;

/// Writes digits as the wire has them; `None` if it is no number, or one that PostgreSQL does not keep.
pub(super) fn encode(text: &str) -> Option<Vec<u8>> {
    let special = match text {
        "NaN" => Some(NAN),
        "Infinity" => Some(INFINITE),
        "-Infinity" => Some(MINUS_INFINITE),
        _ => None,
    };
    if let Some(sign) = special {
        return written(&[], 0, sign, 0);
    }
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (NEGATIVE, &text[1..]),
        b'+' => (POSITIVE, &text[1..]),
        _ => (POSITIVE, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > WHOLE_DIGITS_MAX || fraction.len() > FRACTION_DIGITS_MAX {
        return None;
    }
    let mut groups = groups(whole, fraction);
    let mut weight = whole.len().div_ceil(GROUP) as i64 - 1;
    let zeros = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..zeros);
    weight -= zeros as i64;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    match groups.is_empty() {
        true => written(&[], 0, POSITIVE, fraction.len()),
        false => written(&groups, weight, sign, fraction.len()),
    }
}

/// Groups to the left and to the right of the point, with zeros where digits are missing.
fn groups(whole: &str, fraction: &str) -> Vec<i16> {
    let padding = |len: usize| "0".repeat(len.next_multiple_of(GROUP) - len);
    let padded = [
        &padding(whole.len()),
        whole,
        fraction,
        &padding(fraction.len()),
    ]
    .concat();
    let value = |group: &[u8]| {
        let digits = group.iter().map(|digit| i16::from(digit - b'0'));
        digits.fold(0, |value, digit| value * 10 + digit)
    };
    padded.as_bytes().chunks(GROUP).map(value).collect()
}

fn written(groups: &[i16], weight: i64, sign: u16, scale: usize) -> Option<Vec<u8>> {
    let count = i16::try_from(groups.len()).ok()?;
    let mut bytes = Vec::with_capacity(HEAD_BYTES + 2 * groups.len());
    bytes.extend(count.to_be_bytes());
    bytes.extend(i16::try_from(weight).ok()?.to_be_bytes());
    bytes.extend(sign.to_be_bytes());
    bytes.extend(u16::try_from(scale).ok()?.to_be_bytes());
    bytes.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
    Some(bytes)
}

/// So many bytes a number has at most where it is written out. A few on the wire may stand for a hundred thousand digits.
/// `None` if it is damaged.
pub(super) fn text_bytes(bytes: &[u8]) -> Option<usize> {
    let (head, _) = bytes.split_at_checked(HEAD_BYTES)?;
    let weight = i16::from_be_bytes([head[2], head[3]]);
    let scale = u16::from_be_bytes([head[6], head[7]]);
    let groups = usize::try_from(i32::from(weight) + 1).unwrap_or(0);
    Some(BESIDE_BYTES + groups * GROUP + usize::from(scale))
}

/// Reads what the wire has as PostgreSQL shows it; `None` if it is damaged.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let (head, groups) = bytes.split_at_checked(HEAD_BYTES)?;
    let word = |at: usize| [head[at], head[at + 1]];
    let (count, weight) = (i16::from_be_bytes(word(0)), i16::from_be_bytes(word(2)));
    let (sign, scale) = (u16::from_be_bytes(word(4)), u16::from_be_bytes(word(6)));
    let scale = usize::from(scale);
    if groups.len() != 2 * usize::try_from(count).ok()? || scale > FRACTION_DIGITS_MAX {
        return None;
    }
    let groups: Vec<i16> = groups
        .chunks_exact(2)
        .map(|group| i16::from_be_bytes([group[0], group[1]]))
        .collect();
    if groups.iter().any(|group| !(0..BASE).contains(group)) {
        return None;
    }
    let sign = match sign {
        POSITIVE => "",
        NEGATIVE => "-",
        NAN => return Some("NaN".to_owned()),
        INFINITE => return Some("Infinity".to_owned()),
        MINUS_INFINITE => return Some("-Infinity".to_owned()),
        _ => return None,
    };
    Some(format!(
        "{sign}{}",
        digits(&groups, i32::from(weight), scale)
    ))
}

/// The first group stands for `10000^weight`.
fn digits(groups: &[i16], weight: i32, scale: usize) -> String {
    let group = |place: i32| {
        let index = usize::try_from(weight - place).ok();
        index
            .and_then(|index| groups.get(index))
            .copied()
            .unwrap_or(0)
    };
    let mut text = String::new();
    for place in (0..=weight).rev() {
        match text.is_empty() {
            true => text.push_str(&group(place).to_string()),
            false => text.push_str(&format!("{:04}", group(place))),
        }
    }
    if text.is_empty() {
        text.push('0');
    }
    if scale == 0 {
        return text;
    }
    text.push('.');
    let end = text.len() + scale;
    let mut place = -1;
    while text.len() < end {
        text.push_str(&format!("{:04}", group(place)));
        place -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str) -> String {
        let encoded = encode(text).unwrap_or_else(|| panic!("{text} is a number"));
        decode(&encoded).unwrap_or_else(|| panic!("{text} can be read back"))
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let long = format!("0.{}", "1".repeat(FRACTION_DIGITS_MAX + 1));
        let large = "1".repeat(WHOLE_DIGITS_MAX + 1);
        for text in [
            "", "-", "+", ".", "1e5", "1_000", " 1", "1 ", "0x1", "--1", "1.2.3", "nan", "１",
            &long, &large,
        ] {
            assert_eq!(encode(text), None, "{text}");
        }
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let good = encode("1234567.89").expect("it is a number");
        for end in 0..good.len() {
            assert_eq!(decode(&good[..end]), None);
        }
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            decode(&bytes)
        };
        assert_eq!(with(0, 0xff), None);
        assert_eq!(with(4, 0x11), None);
        assert_eq!(with(6, 0x7f), None);
        assert_eq!(with(8, 0x7f), None);
    }

    #[test]
    fn numbers_come_back_with_their_digits() {
        for text in [
            "0",
            "1",
            "-1",
            "9999",
            "10000",
            "10001",
            "1.50",
            "0.1",
            "0.00001",
            "-0.0001",
            "123456789012345678901234567890.123456789",
            "100000000",
            "0.00",
            "12345.6789",
            "NaN",
            "Infinity",
            "-Infinity",
        ] {
            assert_eq!(round_trip(text), text);
        }
    }

    #[test]
    fn other_spellings_are_the_same_number() {
        assert_eq!(round_trip("+007.50"), "7.50");
        assert_eq!(round_trip(".5"), "0.5");
        assert_eq!(round_trip("5."), "5");
        assert_eq!(round_trip("-0"), "0");
    }

    #[test]
    fn it_is_what_the_server_writes() {
        let bytes = [0, 2, 0, 0, 0x40, 0, 0, 2, 0, 12, 0x13, 0x88];
        assert_eq!(decode(&bytes).as_deref(), Some("-12.50"));
        assert_eq!(encode("-12.50").as_deref(), Some(&bytes[..]));
    }
}
