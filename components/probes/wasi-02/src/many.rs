//! Several keys at once, in both drafts of `wasi:keyvalue`. They differ in their types alone.

use crate::bindings;
use probe_kit_02::{Answer, Call};

pub(crate) fn left(call: &Call) -> Result<Answer, Answer> {
    match call.wanted("api")? {
        "draft" => draft::left(call.label()?),
        "draft2" => draft2::left(call.label()?),
        api => Err(Answer::bad(format!("no such api: {api}"))),
    }
}

macro_rules! many {
    ($draft:ident) => {
        mod $draft {
            use super::bindings::$draft::wasi::keyvalue::{batch, store};
            use probe_kit_02::Answer;

            pub(super) fn left(label: &str) -> Result<Answer, Answer> {
                let bucket = store::open(label).map_err(refused)?;
                let pair = |key: &str| (key.to_owned(), key.as_bytes().to_vec());
                batch::set_many(&bucket, &[pair("a"), pair("b")]).map_err(refused)?;
                let gone = ["a".to_owned(), "c".to_owned()];
                batch::delete_many(&bucket, &gone).map_err(refused)?;
                let has = |key: &str| bucket.exists(key).map_err(refused);
                Ok(Answer::text(format!("a {} b {}", has("a")?, has("b")?)))
            }

            fn refused(error: store::Error) -> Answer {
                Answer::forbidden(&format!("{error:?}"), "")
            }
        }
    };
}

many!(draft);
many!(draft2);
