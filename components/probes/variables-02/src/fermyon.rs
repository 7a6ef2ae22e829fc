//! `fermyon:spin/variables@2`.

use crate::bindings::fermyon::fermyon::spin::variables::{self, Error};
use probe_kit_02::Answer;

pub(crate) fn get(name: &str) -> Result<Answer, Answer> {
    Ok(Answer::text(variables::get(name).map_err(failed)?))
}

fn failed(error: Error) -> Answer {
    match error {
        Error::InvalidName(why) => Answer::failed("invalid-name", &why),
        Error::Undefined(why) => Answer::forbidden("undefined", &why),
        Error::Provider(why) => Answer::failed("provider", &why),
        Error::Other(why) => Answer::failed("other", &why),
    }
}
