//! Variables of the host, through `spin:variables`.

mod bindings;

use super::Error;
use bindings::spin::variables::variables;

pub(super) async fn get(name: &str) -> Result<String, Error> {
    Ok(variables::get(name.to_owned()).await?)
}

impl From<variables::Error> for Error {
    fn from(error: variables::Error) -> Self {
        match error {
            variables::Error::InvalidName(why) => Self::InvalidName(why),
            variables::Error::Undefined(why) => Self::Undefined(why),
            variables::Error::Provider(why) => Self::Provider(why),
            variables::Error::Other(why) => Self::Other(why),
        }
    }
}
