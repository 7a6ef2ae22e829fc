//! `stoa rollback`: the release before, or one that is named, serves again. One request and nothing before it: whoever
//! calls this is in a hurry, and may have a manifest that cannot be read.

use super::promote::{order, told};
use crate::cli::remote::Rollback;
use crate::client::{self, Client, Error};
use crate::output;

pub(crate) fn rollback(arguments: &Rollback) -> anyhow::Result<()> {
    let client = Client::find(&arguments.remote).map_err(Error::told)?;
    let order = order(arguments.release, &arguments.reason);
    let moved = client::wait(client.rollback(&order))?;
    output::line(told(&moved));
    Ok(())
}
