//! Every value, there and back.

use stoa_capabilities::mysql::DataType;

use super::*;

/// A type, a value of it, and the word for it.
fn all() -> Vec<(&'static str, Value, DataType)> {
    vec![
        ("tinyint", Value::Int8(i8::MIN), DataType::Int8),
        ("smallint", Value::Int16(i16::MAX), DataType::Int16),
        ("mediumint", Value::Int32(-8_388_608), DataType::Int32),
        ("int", Value::Int32(i32::MIN), DataType::Int32),
        ("bigint", Value::Int64(i64::MIN), DataType::Int64),
        ("tinyint unsigned", Value::Uint8(u8::MAX), DataType::Uint8),
        (
            "smallint unsigned",
            Value::Uint16(u16::MAX),
            DataType::Uint16,
        ),
        ("int unsigned", Value::Uint32(u32::MAX), DataType::Uint32),
        ("bigint unsigned", Value::Uint64(u64::MAX), DataType::Uint64),
        ("float", Value::Floating32(1.5), DataType::Floating32),
        ("double", Value::Floating64(-1e300), DataType::Floating64),
        (
            "varchar(20)",
            Value::Str("grüße, 世界".into()),
            DataType::Str,
        ),
        ("char(3)", Value::Str("abc".into()), DataType::Str),
        ("text", Value::Str(String::new()), DataType::Str),
        ("longtext", Value::Str("x".repeat(100_000)), DataType::Str),
        (
            "varbinary(20)",
            Value::Binary(vec![0, 255, 10]),
            DataType::Binary,
        ),
        ("blob", Value::Binary(vec![1, 2]), DataType::Binary),
        ("enum('a','b')", Value::Str("b".into()), DataType::Str),
    ]
}

#[tokio::test]
async fn every_value_comes_back_as_it_was() {
    within(|address| async move {
        let connection = opened(&*client(), &address).await;
        for (index, (ty, given, data_type)) in all().into_iter().enumerate() {
            execute(&*connection, &format!("CREATE TABLE a{index} (it {ty})")).await;
            let insert = format!("INSERT INTO a{index} VALUES (?)");
            let inserted = connection.execute(&insert, vec![given.clone()]).await;
            inserted.unwrap_or_else(|error| panic!("{ty}: {error}"));
            let select = format!("SELECT it FROM a{index}");
            let found = query(&*connection, &select, Vec::new()).await;
            let (columns, rows) = found.unwrap_or_else(|error| panic!("{ty}: {error}"));
            assert_eq!(rows, [vec![given]], "{ty}");
            assert_eq!(columns[0].data_type, data_type, "{ty}");
            assert_eq!(columns[0].name, "it");
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_comes_back_as_nothing() {
    within(|address| async move {
        let connection = opened(&*client(), &address).await;
        // Also of types that have no values here.
        for (index, ty) in ["int", "text", "blob", "decimal(5,2)", "datetime"]
            .into_iter()
            .enumerate()
        {
            execute(&*connection, &format!("CREATE TABLE a{index} (it {ty})")).await;
            let insert = format!("INSERT INTO a{index} VALUES (?)");
            let inserted = connection.execute(&insert, vec![Value::Null]).await;
            inserted.unwrap_or_else(|error| panic!("{ty}: {error}"));
            let select = format!("SELECT it FROM a{index}");
            assert_eq!(value(&*connection, &select).await, Value::Null, "{ty}");
        }
    })
    .await;
}

#[tokio::test]
async fn truth_is_a_number() {
    within(|address| async move {
        let connection = opened(&*client(), &address).await;
        execute(&*connection, "CREATE TABLE a (it boolean)").await;
        for (truth, number) in [(true, 1), (false, 0)] {
            execute(&*connection, "DELETE FROM a").await;
            let insert =
                connection.execute("INSERT INTO a VALUES (?)", vec![Value::Boolean(truth)]);
            insert.await.expect("it is taken");
            assert_eq!(
                value(&*connection, "SELECT it FROM a").await,
                Value::Int8(number)
            );
        }
    })
    .await;
}
