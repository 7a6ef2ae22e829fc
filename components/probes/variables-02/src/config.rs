//! `wasi:config/store`, in both versions. They differ in their types alone.

macro_rules! store {
    ($version:ident) => {
        pub(crate) mod $version {
            use crate::bindings::$version::wasi::config::store::{self, Error};
            use probe_kit_02::Answer;

            pub(crate) fn get(name: &str) -> Result<Answer, Answer> {
                let value = store::get(name).map_err(failed)?;
                Ok(Answer::value(value.map(String::into_bytes)))
            }

            pub(crate) fn all() -> Result<Answer, Answer> {
                let line = |(name, value): (String, String)| format!("{name}={value}").into_bytes();
                let all = store::get_all().map_err(failed)?;
                Ok(Answer::lines(all.into_iter().map(line)))
            }

            fn failed(error: Error) -> Answer {
                match error {
                    Error::Upstream(why) => Answer::failed("upstream", &why),
                    Error::Io(why) => Answer::failed("io", &why),
                }
            }
        }
    };
}

store!(draft);
store!(candidate);
