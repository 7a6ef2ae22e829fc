//! The shop by the host's own stores and by the adapters that serve it on Spin: the same requests, the same answers.

mod answer;
mod requests;

use std::net::SocketAddr;

use anyhow::Context;

use self::answer::Seen;
use self::requests::{REQUESTS, Step};
use crate::accept::Shown;
use crate::accept::shop::catalogue::{self, REQUEST_MAX};
use crate::accept::suite::{DEPENDENCIES, PORTABLE};
use crate::host::{Host, START_MAX};
use crate::http::{Connection, Request};
use crate::stage::Stage;

/// Answers that differ and are shown; the others are counted.
const SHOWN_MAX: usize = 5;

pub(super) fn show(stage: &Stage) -> anyhow::Result<Shown> {
    let native = stage.shop("spin-native").context("`stoa up`")?;
    let mut portable = stage.shop_up("spin-portable")?;
    let portable = Host::start(portable.arg("--portable"), START_MAX).context("`--portable`")?;
    let mut wrong = Vec::new();
    let mut asked = 0;
    for step in &REQUESTS {
        let (here, there) = (asked_once(&native, step)?, asked_once(&portable, step)?);
        asked += 1;
        if let Some(difference) = differs(step, &here, &there) {
            wrong.push(difference);
        }
    }
    let counted = [&native, &portable].map(|host| catalogue::count(host.address()));
    let [here, there] = counted;
    let (here, there) = (here?, there?);
    if here != there || here == 0 {
        wrong.push(format!("{here} products, and {there} by the adapters"));
    }
    native.stop()?;
    portable.stop()?;
    let suites = [&DEPENDENCIES, &PORTABLE].map(|suite| suite.run(stage, &[], &[]));
    let [dependencies, adapters] = suites;
    let (dependencies, adapters) = (dependencies?, adapters?);
    let good = wrong.is_empty() && dependencies.is_good() && adapters.is_good();
    let count = wrong.len();
    wrong.truncate(SHOWN_MAX);
    wrong.push(format!(
        "{asked} requests of the shop's API with and without `--portable`, {count} answers differ, {here} products at the \
         end; {} tests of joined components and adapters passed, {} failed",
        dependencies.passed + adapters.passed,
        dependencies.failed + adapters.failed
    ));
    Ok(Shown {
        passed: good,
        figure: wrong.join(", "),
    })
}

fn asked_once(host: &Host, step: &Step) -> anyhow::Result<Seen> {
    let asked = ask(host.address(), step);
    asked.with_context(|| format!("{}: {}", step.told(), host.tail()))
}

fn ask(address: SocketAddr, step: &Step) -> anyhow::Result<Seen> {
    let response = Connection::open(address, REQUEST_MAX)?.request(&Request {
        method: step.method,
        path: step.path,
        headers: step.headers,
        body: step.body,
    })?;
    Ok(Seen::of(&response))
}

/// In what way the answers are not what they should be.
fn differs(step: &Step, here: &Seen, there: &Seen) -> Option<String> {
    let told = step.told();
    if here.status != step.status {
        return Some(format!(
            "{told}: {} instead of {}",
            here.status, step.status
        ));
    }
    (here != there).then(|| format!("{told}: {here}, and by the adapters {there}"))
}
