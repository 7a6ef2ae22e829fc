//! `fermyon:spin/config`, without a version.

use crate::bindings::config1::fermyon::spin::config::{Error, get_config};
use crate::unknown;
use probe_kit_02::{Answer, Call};

pub(crate) fn answer(call: &Call) -> Result<Answer, Answer> {
    match call.op()? {
        "get" => Ok(Answer::text(get_config(call.wanted("name")?)?)),
        op => Err(unknown(op)),
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error {
            Error::Provider(why) => Self::forbidden("provider", &why),
            Error::InvalidKey(why) => Self::failed("invalid-key", &why),
            Error::InvalidSchema(why) => Self::failed("invalid-schema", &why),
            Error::Other(why) => Self::failed("other", &why),
        }
    }
}
