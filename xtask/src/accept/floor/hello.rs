//! Requests per second of a guest that says hello: Stoa, gateway and limits included, beside `wasmtime serve`.
//!
//! Both run at the same time and are measured in turn, because only figures of one run on one machine compare.

use anyhow::Context;

use crate::abi::Abi;
use crate::accept::{Scale, Shown};
use crate::host::{Host, START_MAX};
use crate::load::{Ask, Generator, Rounds};
use crate::manifest::Mounted;
use crate::stage::Stage;
use crate::wasmtime;

pub(super) fn show(stage: &Stage, abi: Abi) -> anyhow::Result<Shown> {
    let wasm = stage.probe(&format!("hello_{}", abi.suffix()))?;
    let mut serve = wasmtime::serve(&wasmtime::installed(stage)?, &wasm, abi, &[]);
    let theirs = Host::start(&mut serve, START_MAX).context("`wasmtime serve`")?;
    // With the default limits.
    let hello = Mounted::new("hello", "/...", &wasm);
    let ours = stage.serve(&format!("hello-{}", abi.suffix()), &[hello])?;
    let (load, ask) = (Generator::found(), Ask::get("/"));
    let servers = [ours.address(), theirs.address()];
    for address in servers {
        ask.once(address)?;
    }
    let rounds = match stage.scale() {
        Scale::Brief => Rounds {
            count: 3,
            seconds: 3,
        },
        Scale::Full => Rounds {
            count: 5,
            seconds: 10,
        },
    };
    let rates = load.interleaved(&servers, &[ask], rounds)?;
    let (our_rates, their_rates) = (&rates[0], &rates[1]);
    let (our_median, their_median) = (our_rates.median()?, their_rates.median()?);
    let ratio = our_median / their_median;
    Ok(Shown {
        passed: ratio >= 1.0 && our_rates.failures == 0,
        figure: format!(
            "stoa {our_median:.0}/s, wasmtime serve {their_median:.0}/s, ratio {ratio:.2} \
             (medians of {} rounds of {} s, 32 connections, {}; failures {} and {})",
            rounds.count,
            rounds.seconds,
            load.name(),
            our_rates.failures,
            their_rates.failures
        ),
    })
}
