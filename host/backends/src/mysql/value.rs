//! Values as they are on the wire: parameters there, rows back.

use stoa_capabilities::mysql::{Column, DataType, Row, Value};

use super::failure::Failure;
use super::fields::{self, Fields};
use super::packet::{self, Described};

/// Types as they are numbered on the wire.
const TINY: u8 = 1;
const SHORT: u8 = 2;
const LONG: u8 = 3;
const FLOAT: u8 = 4;
const DOUBLE: u8 = 5;
const NULL: u8 = 6;
const LONG_LONG: u8 = 8;
const INT_24: u8 = 9;
const VARCHAR: u8 = 15;
/// With the three before it, which servers say of what they computed.
const BLOB: u8 = 252;
const TINY_BLOB: u8 = 249;
const VAR_STRING: u8 = 253;
const STRING: u8 = 254;

/// What else is said of a column.
const UNSIGNED: u16 = 0x20;
const BINARY: u16 = 0x80;

/// Of a parameter, the same.
const SIGNED_PARAMETER: u8 = 0;
const UNSIGNED_PARAMETER: u8 = 0x80;

/// In a row, two bits stand before those of the columns.
const NULLS_BEFORE: usize = 2;

/// The command that runs a statement with these parameters.
pub(super) fn execution(statement: u32, parameters: &[Value]) -> Vec<u8> {
    let mut body = vec![packet::EXECUTE];
    body.extend_from_slice(&statement.to_le_bytes());
    // Without a cursor, once.
    body.push(0);
    body.extend_from_slice(&1_u32.to_le_bytes());
    if parameters.is_empty() {
        return body;
    }
    let mut nulls = vec![0; parameters.len().div_ceil(8)];
    for (index, _) in parameters
        .iter()
        .enumerate()
        .filter(|(_, value)| is_null(value))
    {
        nulls[index / 8] |= 1 << (index % 8);
    }
    body.extend_from_slice(&nulls);
    // Their types follow.
    body.push(1);
    for value in parameters {
        body.extend_from_slice(&parameter_type(value));
    }
    for value in parameters {
        put(value, &mut body);
    }
    body
}

fn is_null(value: &Value) -> bool {
    matches!(value, Value::Null)
}

fn parameter_type(value: &Value) -> [u8; 2] {
    match value {
        Value::Null => [NULL, SIGNED_PARAMETER],
        Value::Boolean(_)
        | Value::Int8(_)
        | Value::Int16(_)
        | Value::Int32(_)
        | Value::Int64(_) => [LONG_LONG, SIGNED_PARAMETER],
        Value::Uint8(_) | Value::Uint16(_) | Value::Uint32(_) | Value::Uint64(_) => {
            [LONG_LONG, UNSIGNED_PARAMETER]
        }
        Value::Floating32(_) => [FLOAT, SIGNED_PARAMETER],
        Value::Floating64(_) => [DOUBLE, SIGNED_PARAMETER],
        Value::Str(_) | Value::Binary(_) => [VAR_STRING, SIGNED_PARAMETER],
    }
}

fn put(value: &Value, to: &mut Vec<u8>) {
    let signed = |number: i64, to: &mut Vec<u8>| to.extend_from_slice(&number.to_le_bytes());
    let unsigned = |number: u64, to: &mut Vec<u8>| to.extend_from_slice(&number.to_le_bytes());
    match value {
        Value::Null => {}
        Value::Boolean(truth) => signed((*truth).into(), to),
        Value::Int8(number) => signed((*number).into(), to),
        Value::Int16(number) => signed((*number).into(), to),
        Value::Int32(number) => signed((*number).into(), to),
        Value::Int64(number) => signed(*number, to),
        Value::Uint8(number) => unsigned((*number).into(), to),
        Value::Uint16(number) => unsigned((*number).into(), to),
        Value::Uint32(number) => unsigned((*number).into(), to),
        Value::Uint64(number) => unsigned(*number, to),
        Value::Floating32(number) => to.extend_from_slice(&number.to_le_bytes()),
        Value::Floating64(number) => to.extend_from_slice(&number.to_le_bytes()),
        Value::Str(text) => fields::put(text.as_bytes(), to),
        Value::Binary(bytes) => fields::put(bytes, to),
    }
}

/// A column, by the types that Spin tells apart.
pub(super) fn column(described: &Described<'_>) -> Column {
    let unsigned = described.flags & UNSIGNED != 0;
    let binary = described.flags & BINARY != 0;
    Column {
        name: String::from_utf8_lossy(described.name).into_owned(),
        data_type: data_type(described.kind, unsigned, binary),
    }
}

fn data_type(kind: u8, unsigned: bool, binary: bool) -> DataType {
    match (kind, unsigned) {
        (TINY, false) => DataType::Int8,
        (TINY, true) => DataType::Uint8,
        (SHORT, false) => DataType::Int16,
        (SHORT, true) => DataType::Uint16,
        (INT_24 | LONG, false) => DataType::Int32,
        (INT_24 | LONG, true) => DataType::Uint32,
        (LONG_LONG, false) => DataType::Int64,
        (LONG_LONG, true) => DataType::Uint64,
        (FLOAT, _) => DataType::Floating32,
        (DOUBLE, _) => DataType::Floating64,
        // Texts of any length are blobs on the wire.
        (TINY_BLOB..=BLOB | STRING | VARCHAR | VAR_STRING, _) => match binary {
            true => DataType::Binary,
            false => DataType::Str,
        },
        _ => DataType::Other,
    }
}

/// The values of a row.
pub(super) fn row(packet: &[u8], columns: &[Column]) -> Result<Row, Failure> {
    let mut fields = Fields::new(packet);
    if fields.u8()? != 0 {
        return Err(Failure::UNEXPECTED);
    }
    let nulls = fields.take((columns.len() + NULLS_BEFORE).div_ceil(8))?;
    let value = |(index, column): (usize, &Column)| {
        let bit = index + NULLS_BEFORE;
        match nulls[bit / 8] & (1 << (bit % 8)) {
            0 => read(&mut fields, column),
            _ => Ok(Value::Null),
        }
    };
    columns.iter().enumerate().map(value).collect()
}

fn read(fields: &mut Fields<'_>, column: &Column) -> Result<Value, Failure> {
    Ok(match column.data_type {
        DataType::Int8 => Value::Int8(i8::from_le_bytes(fields.array()?)),
        DataType::Int16 => Value::Int16(i16::from_le_bytes(fields.array()?)),
        DataType::Int32 => Value::Int32(i32::from_le_bytes(fields.array()?)),
        DataType::Int64 => Value::Int64(i64::from_le_bytes(fields.array()?)),
        DataType::Uint8 => Value::Uint8(fields.u8()?),
        DataType::Uint16 => Value::Uint16(fields.u16()?),
        DataType::Uint32 => Value::Uint32(fields.u32()?),
        DataType::Uint64 => Value::Uint64(u64::from_le_bytes(fields.array()?)),
        DataType::Floating32 => Value::Floating32(f32::from_le_bytes(fields.array()?)),
        DataType::Floating64 => Value::Floating64(f64::from_le_bytes(fields.array()?)),
        DataType::Str => match str::from_utf8(fields.bytes()?) {
            Ok(text) => Value::Str(text.to_owned()),
            Err(_) => return Err(no_value(column)),
        },
        DataType::Binary => Value::Binary(fields.bytes()?.to_vec()),
        DataType::Other => return Err(no_value(column)),
    })
}

fn no_value(column: &Column) -> Failure {
    let Column { name, data_type } = column;
    Failure::Value(format!(
        "column {name} ({data_type:?}) holds what has no value here"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::failure;

    fn of(data_type: DataType) -> Column {
        Column {
            name: "price".into(),
            data_type,
        }
    }

    #[test]
    fn what_has_no_value_is_refused_with_its_column() {
        let refused = row(b"\0\0\x041.50", &[of(DataType::Other)]);
        let refused = failure::querying(refused.expect_err("it has none"), 0);
        let told = "value conversion failed: column price (Other) holds what has no value here";
        assert_eq!(refused.to_string(), told);
        let refused = row(b"\0\0\x01\xff", &[of(DataType::Str)]);
        assert!(matches!(refused, Err(Failure::Value(_))), "{refused:?}");
    }

    #[test]
    fn rows_that_are_cut_off_are_refused() {
        let columns = [DataType::Int64, DataType::Str, DataType::Binary].map(of);
        let whole = b"\0\0\x01\0\0\0\0\0\0\0\x02ab\x01c";
        assert!(row(whole, &columns).is_ok());
        for end in 0..whole.len() {
            assert_eq!(row(&whole[..end], &columns), Err(Failure::SHORT), "{end}");
        }
        let endless = [&b"\0\0\xfe"[..], &[0xff; 8]].concat();
        assert_eq!(row(&endless, &[of(DataType::Str)]), Err(Failure::SHORT));
        let not_a_row = row(b"\x01\0\x01", &[of(DataType::Int8)]);
        assert_eq!(not_a_row, Err(Failure::UNEXPECTED));
    }

    #[test]
    fn nothing_is_a_value_of_every_type() {
        for ty in [DataType::Other, DataType::Int8, DataType::Str] {
            assert_eq!(row(b"\0\x04", &[of(ty)]), Ok(vec![Value::Null]));
        }
        // The seventh column is the first of the second byte.
        let columns = vec![of(DataType::Int8); 7];
        let found = row(b"\0\xf8\x01\x05", &columns).expect("it is a row");
        assert_eq!(found[0], Value::Int8(5));
        assert_eq!(found[1..], vec![Value::Null; 6]);
    }

    #[test]
    fn numbers_keep_their_sign_and_size() {
        let whole = [&b"\0\0"[..], &[0xff; 8]].concat();
        let unsigned = row(&whole, &[of(DataType::Uint64)]);
        assert_eq!(unsigned, Ok(vec![Value::Uint64(u64::MAX)]));
        let signed = row(&whole, &[of(DataType::Int64)]);
        assert_eq!(signed, Ok(vec![Value::Int64(-1)]));
    }

    #[test]
    fn parameters_stand_behind_their_types() {
        let parameters = [
            Value::Null,
            Value::Boolean(true),
            Value::Uint8(255),
            Value::Floating32(1.0),
            Value::Str("ab".into()),
        ];
        let expected = [
            &[0x17, 7, 0, 0, 0, 0, 1, 0, 0, 0][..],
            // The first is nothing.
            &[0b1, 1],
            &[6, 0, 8, 0, 8, 0x80, 4, 0, 0xfd, 0],
            &[1, 0, 0, 0, 0, 0, 0, 0],
            &[255, 0, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0x80, 0x3f],
            &[2, b'a', b'b'],
        ];
        assert_eq!(execution(7, &parameters), expected.concat());
        assert_eq!(execution(7, &[]), expected[0]);
    }
}
