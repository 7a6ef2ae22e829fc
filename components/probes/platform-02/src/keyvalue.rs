//! `fermyon:spin/key-value`, with the version 2 and without one.

use probe_kit_02::Answer;

fn listed(mut keys: Vec<String>) -> Answer {
    keys.sort();
    Answer::lines(keys.into_iter().map(String::into_bytes))
}

pub(crate) mod second {
    use crate::bindings::keyvalue2::fermyon::spin::key_value::{Error, Store};
    use crate::unknown;
    use probe_kit_02::{Answer, Call};

    pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
        let label = call.label()?;
        let store = Store::open(label)?;
        Ok(match call.op()? {
            "get" => Answer::value(store.get(call.key()?)?),
            "set" => {
                store.set(call.key()?, call.value()?)?;
                Answer::done()
            }
            "delete" => {
                store.delete(call.key()?)?;
                Answer::done()
            }
            "exists" => Answer::text(store.exists(call.key()?)?),
            "list" => super::listed(store.get_keys()?),
            "many" => many(label, call.number("count")?.unwrap_or(1)),
            op => return Err(unknown(op)),
        })
    }

    fn many(label: &str, count: u64) -> Answer {
        let mut stores = Vec::new();
        for _ in 0..count {
            match Store::open(label) {
                Ok(store) => stores.push(store),
                Err(error) => return Answer::text(format!("{} {}", stores.len(), word(&error))),
            }
        }
        Answer::text(stores.len())
    }

    fn word(error: &Error) -> &'static str {
        match error {
            Error::StoreTableFull => "store-table-full",
            Error::NoSuchStore => "no-such-store",
            Error::AccessDenied => "access-denied",
            Error::Other(_) => "other",
        }
    }

    impl From<Error> for Answer {
        fn from(error: Error) -> Self {
            let variant = word(&error);
            match error {
                Error::AccessDenied | Error::NoSuchStore => Self::forbidden(variant, ""),
                Error::StoreTableFull => Self::failed(variant, ""),
                Error::Other(why) => Self::failed(variant, &why),
            }
        }
    }
}

pub(crate) mod first {
    use crate::bindings::keyvalue1::fermyon::spin::key_value::{self, Error};
    use crate::{forged, unknown};
    use probe_kit_02::{Answer, Call};

    pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
        if call.op()? == "forged" {
            let store = forged(call)?;
            key_value::close(store);
            return Ok(Answer::value(Some(key_value::get(store, "a")?)));
        }
        let label = call.label()?;
        let store = key_value::open(label)?;
        Ok(match call.op()? {
            // That there is nothing is an error here.
            "get" => match key_value::get(store, call.key()?) {
                Err(Error::NoSuchKey) => Answer::value(None),
                value => Answer::value(Some(value?)),
            },
            "set" => {
                key_value::set(store, call.key()?, call.value()?)?;
                Answer::done()
            }
            "delete" => {
                key_value::delete(store, call.key()?)?;
                Answer::done()
            }
            "exists" => Answer::text(key_value::exists(store, call.key()?)?),
            "list" => super::listed(key_value::get_keys(store)?),
            "many" => many(label, call.number("count")?.unwrap_or(1)),
            "closed" => {
                key_value::close(store);
                key_value::close(store);
                Answer::value(Some(key_value::get(store, "a")?))
            }
            op => return Err(unknown(op)),
        })
    }

    fn many(label: &str, count: u64) -> Answer {
        let mut stores = Vec::new();
        let mut told = count.to_string();
        for number in 0..count {
            match key_value::open(label) {
                Ok(store) => stores.push(store),
                Err(error) => {
                    told = format!("{number} {}", word(&error));
                    break;
                }
            }
        }
        // An answer takes room of its own.
        stores.into_iter().for_each(key_value::close);
        Answer::text(told)
    }

    fn word(error: &Error) -> &'static str {
        match error {
            Error::StoreTableFull => "store-table-full",
            Error::NoSuchStore => "no-such-store",
            Error::AccessDenied => "access-denied",
            Error::InvalidStore => "invalid-store",
            Error::NoSuchKey => "no-such-key",
            Error::Io(_) => "io",
        }
    }

    impl From<Error> for Answer {
        fn from(error: Error) -> Self {
            let variant = word(&error);
            match error {
                Error::AccessDenied | Error::NoSuchStore => Self::forbidden(variant, ""),
                Error::Io(why) => Self::failed(variant, &why),
                _ => Self::failed(variant, ""),
            }
        }
    }
}
