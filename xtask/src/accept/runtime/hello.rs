//! Requests per second of a guest that says hello, as a multiple of `wasmtime serve` in the same run.

use anyhow::Context;

use crate::abi::Abi;
use crate::accept::{Scale, Shown};
use crate::bare::{self, Work};
use crate::host::{Host, START_MAX};
use crate::load::{Ask, Generator, Rates, Rounds};
use crate::manifest::Mounted;
use crate::stage::Stage;
use crate::wasmtime;

/// What was promised for one kind of guest.
pub(super) struct Aim {
    name: &'static str,
    abi: Abi,
    limits: &'static str,
    /// What `wasmtime serve` is asked to do the same way, if that is not its default. The promise is about the default;
    /// the figure for this stands beside it.
    alike: Option<&'static [&'static str]>,
    /// Times `wasmtime serve`.
    least: f64,
    /// What we would rather have.
    stretch: f64,
}

pub(super) const P2: Aim = Aim {
    name: "hello-02",
    abi: Abi::P2,
    limits: "",
    alike: None,
    least: 3.0,
    stretch: 4.0,
};

pub(super) const P2_REUSED: Aim = Aim {
    name: "hello-02-reused",
    abi: Abi::P2,
    limits: "requests_per_instance_max = 100_000",
    alike: Some(&["--max-instance-reuse-count", "100000"]),
    least: 4.5,
    stretch: 6.0,
};

pub(super) const P3: Aim = Aim {
    name: "hello-03",
    abi: Abi::P3,
    limits: "",
    alike: None,
    least: 1.2,
    stretch: 1.8,
};

/// All contenders, ours first.
struct Contenders {
    stoa: Host,
    wasmtime: Host,
    bare: Host,
    alike: Option<Host>,
}

pub(super) fn show(stage: &Stage, aim: &Aim) -> anyhow::Result<Shown> {
    let contenders = Contenders::start(stage, aim)?;
    let (load, ask) = (Generator::found(), Ask::get("/"));
    let servers: Vec<_> = contenders.all().map(Host::address).collect();
    for address in &servers {
        ask.once(*address)?;
    }
    let rates = load.interleaved(&servers, &[ask], rounds(stage.scale()))?;
    let ratio = rates[0].times(&rates[1])?;
    let failures = rates[0].failures;
    let figure = format!(
        "{}; {failures} failures, by {}",
        figure(aim, &rates)?,
        load.name()
    );
    Ok(Shown {
        passed: ratio >= aim.least && failures == 0,
        figure,
    })
}

fn rounds(scale: Scale) -> Rounds {
    match scale {
        Scale::Brief => Rounds {
            count: 7,
            seconds: 2,
        },
        Scale::Full => Rounds {
            count: 15,
            seconds: 5,
        },
    }
}

/// What each of the contenders did, in their order.
fn figure(aim: &Aim, rates: &[Rates]) -> anyhow::Result<String> {
    let (stoa, wasmtime, bare) = (&rates[0], &rates[1], &rates[2]);
    let alike = match rates.get(3) {
        None => String::new(),
        Some(alike) => format!(
            ", {:.2} x with the same reuse ({:.0}/s)",
            stoa.times(alike)?,
            alike.median()?
        ),
    };
    Ok(format!(
        "stoa {:.0}/s is {:.2} x wasmtime serve ({:.0}/s; at least {}, stretch {}){alike}, \
         {:.2} x bare hyper ({:.0}/s)",
        stoa.median()?,
        stoa.times(wasmtime)?,
        wasmtime.median()?,
        aim.least,
        aim.stretch,
        stoa.times(bare)?,
        bare.median()?
    ))
}

// === impl Contenders ===

impl Contenders {
    fn start(stage: &Stage, aim: &Aim) -> anyhow::Result<Self> {
        let wasm = stage.probe(&format!("hello_{}", aim.abi.suffix()))?;
        let binary = wasmtime::installed(stage)?;
        let theirs = |options: &[&str]| {
            let mut command = wasmtime::serve(&binary, &wasm, aim.abi, options);
            Host::start(&mut command, START_MAX).context("`wasmtime serve`")
        };
        let hello = Mounted {
            limits: aim.limits,
            ..Mounted::new("hello", "/...", &wasm)
        };
        Ok(Self {
            stoa: stage.serve(aim.name, &[hello])?,
            wasmtime: theirs(&[])?,
            bare: Host::start(&mut bare::command(Work::Hello)?, START_MAX).context("bare hyper")?,
            alike: aim.alike.map(theirs).transpose()?,
        })
    }

    fn all(&self) -> impl Iterator<Item = &Host> {
        [&self.stoa, &self.wasmtime, &self.bare]
            .into_iter()
            .chain(&self.alike)
    }
}
