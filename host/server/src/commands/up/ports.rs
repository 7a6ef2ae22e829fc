//! Which port a host gets.

use stoa_gateway::BindError;

use crate::cli::Up;
use crate::commands::Invalid;

/// Ports that `--find-free-port` tries, as in Spin.
const PORTS_TRIED_MAX: u16 = 10;

/// Binds, on the next ports as well if that was asked for and the first is in use.
pub(super) fn bound<T>(
    arguments: &Up,
    gateway: &stoa_gateway::Config,
    bind: impl Fn(&stoa_gateway::Config) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut gateway = gateway.clone();
    let first = gateway.listen.port();
    // Port 0 is free whatever else is in use.
    let more = match arguments.find_free_port && first != 0 {
        true => PORTS_TRIED_MAX - 1,
        false => 0,
    };
    for _ in 0..more {
        match bind(&gateway) {
            Err(error) if error.is::<Invalid>() => {}
            outcome => return outcome,
        }
        match gateway.listen.port().checked_add(1) {
            Some(next) => gateway.listen.set_port(next),
            None => break,
        }
    }
    bind(&gateway).map_err(|error| match (more, error.is::<Invalid>()) {
        (0, _) | (_, false) => error,
        (_, true) => {
            let (address, last) = (gateway.listen.ip(), gateway.listen.port());
            let told = format!("all ports from {first} to {last} of {address} are in use");
            Invalid(format!("{told}: choose another with `--listen`")).into()
        }
    })
}

pub(super) fn port(error: std::io::Error, gateway: &stoa_gateway::Config) -> anyhow::Error {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            Invalid(BindError::InUse(gateway.listen).to_string()).into()
        }
        _ => anyhow::Error::new(error).context(format!("cannot listen on {}", gateway.listen)),
    }
}
