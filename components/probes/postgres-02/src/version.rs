//! What all versions that have connections share: a macro, as each has types of its own by the same names.

/// Makes `fn answer` of the types that are in scope and of `fn open`; `$kinds` are those of the version's parameters.
macro_rules! version {
    ($kinds:ident) => {
        pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
            let connection = open(call)?;
            // Those before the last one are run for what they do to the connection.
            for before in call.all("before") {
                connection.execute(&before, &[])?;
            }
            let sql = call.wanted("sql")?;
            match call.op()? {
                "query" => Ok(rows(connection.query(sql, &parameters(call)?)?)),
                "execute" => Ok(Answer::text(connection.execute(sql, &parameters(call)?)?)),
                op => Err(Answer::bad(format!("no such op: {op}"))),
            }
        }

        fn rows(found: RowSet) -> Answer {
            let columns = found.columns.into_iter();
            let columns = columns.map(|column| (column.name, column.data_type));
            Answer::lines(probe_kit_sql::table(columns, found.rows))
        }

        probe_kit_sql::parameters!($kinds for Answer);
    };
}
pub(crate) use version;
