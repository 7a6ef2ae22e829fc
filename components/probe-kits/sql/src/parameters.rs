//! What a call gives a statement.

/// Makes `fn parameters`, which reads all `p` of a `Call` as `ParameterValue`s. What cannot be read is a bad call to
/// `$answer`.
///
/// Every interface has numbers, texts and bytes. Further kinds are `unsigned` (numbers of `fermyon:spin` and MySQL),
/// `times` (dates and times of `spin:postgres@3`) or `rich`: those and all that came with `spin:postgres@4`. It takes
/// `Interval`, `Inclusive` and `Exclusive`, too.
///
/// ```text
/// parameters!(times for Answer);
/// ```
#[macro_export]
macro_rules! parameters {
    (unsigned for $answer:ident) => {
        $crate::parameters!(for $answer, rest {
            "u8" => ParameterValue::Uint8($crate::number(rest)?),
            "u16" => ParameterValue::Uint16($crate::number(rest)?),
            "u32" => ParameterValue::Uint32($crate::number(rest)?),
            "u64" => ParameterValue::Uint64($crate::number(rest)?),
        });
    };
    (times for $answer:ident) => {
        $crate::parameters!(times for $answer, rest {});
    };
    (rich for $answer:ident) => {
        $crate::parameters!(times for $answer, rest {
            "uuid" => ParameterValue::Uuid(rest.to_owned()),
            "jsonb" => ParameterValue::Jsonb(rest.as_bytes().to_vec()),
            "dec" => ParameterValue::Decimal(rest.to_owned()),
            "r32" => ParameterValue::RangeInt32($crate::bounds(rest, Inclusive, Exclusive)?),
            "r64" => ParameterValue::RangeInt64($crate::bounds(rest, Inclusive, Exclusive)?),
            "rdec" => ParameterValue::RangeDecimal($crate::bounds(rest, Inclusive, Exclusive)?),
            "a32" => ParameterValue::ArrayInt32($crate::items(rest)?),
            "a64" => ParameterValue::ArrayInt64($crate::items(rest)?),
            "adec" => ParameterValue::ArrayDecimal($crate::items(rest)?),
            "astr" => ParameterValue::ArrayStr($crate::items(rest)?),
            "interval" => {
                let [micros, days, months] = $crate::parts(rest)?;
                ParameterValue::Interval(Interval {
                    micros: $crate::number(micros)?,
                    days: $crate::number(days)?,
                    months: $crate::number(months)?,
                })
            }
        });
    };
    (times for $answer:ident, $rest:ident { $($more:tt)* }) => {
        $crate::parameters!(for $answer, $rest {
            "date" => {
                let [y, m, d] = $crate::parts($rest)?;
                ParameterValue::Date(($crate::number(y)?, $crate::number(m)?, $crate::number(d)?))
            }
            "time" => {
                let [h, m, s, n] = $crate::parts($rest)?;
                ParameterValue::Time((
                    $crate::number(h)?,
                    $crate::number(m)?,
                    $crate::number(s)?,
                    $crate::number(n)?,
                ))
            }
            "datetime" => {
                let [y, mo, d, h, m, s, n] = $crate::parts($rest)?;
                ParameterValue::Datetime((
                    $crate::number(y)?,
                    $crate::number(mo)?,
                    $crate::number(d)?,
                    $crate::number(h)?,
                    $crate::number(m)?,
                    $crate::number(s)?,
                    $crate::number(n)?,
                ))
            }
            "ts" => ParameterValue::Timestamp($crate::number($rest)?),
            $($more)*
        });
    };
    // `$rest` is what stands behind the kind, by the name that the further arms call it.
    (for $answer:ident, $rest:ident { $($more:tt)* }) => {
        fn parameters(call: &Call) -> Result<Vec<ParameterValue>, $answer> {
            let parameter = |written: &String| -> Result<ParameterValue, String> {
                let (kind, $rest) = $crate::split(written);
                Ok(match kind {
                    "null" => ParameterValue::DbNull,
                    "b" => ParameterValue::Boolean($crate::number($rest)?),
                    "i8" => ParameterValue::Int8($crate::number($rest)?),
                    "i16" => ParameterValue::Int16($crate::number($rest)?),
                    "i32" => ParameterValue::Int32($crate::number($rest)?),
                    "i64" => ParameterValue::Int64($crate::number($rest)?),
                    "f32" => ParameterValue::Floating32($crate::number($rest)?),
                    "f64" => ParameterValue::Floating64($crate::number($rest)?),
                    "t" => ParameterValue::Str($rest.to_owned()),
                    "x" => ParameterValue::Binary($rest.as_bytes().to_vec()),
                    $($more)*
                    _ => return Err($crate::unknown(written)),
                })
            };
            let read: Result<Vec<_>, _> = call.all("p").iter().map(parameter).collect();
            read.map_err($answer::bad)
        }
    };
}
