//! What of a component its triggers call: which of its exports, and how.

use wasmtime::component::InstancePre;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::host::rc;
use crate::instance::State;
use crate::revision::{Limits, PrepareError};
use crate::single::{Command, Export, FirstRedis, InboundHttp, IncomingHandler, ThirdRedis};

/// How a component takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abi {
    /// `wasi:http/incoming-handler` 0.2: a fresh instance per request.
    Wasi02,
    /// `wasi:http/handler` 0.3: instances serve several requests, also at once.
    Wasi03,
    /// `fermyon:spin/inbound-http`: a fresh instance per request, and whole bodies.
    SpinHttp,
    /// `wasi:cli/run` 0.2, as a CGI program: a fresh instance per request.
    Wagi,
    /// `fermyon:spin/inbound-redis`: a fresh instance per message.
    SpinRedis,
    /// `spin:redis/inbound-redis` 3: a fresh instance per message.
    SpinRedis3,
}

impl std::fmt::Display for Abi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Wasi02 => "WASI 0.2",
            Self::Wasi03 => "WASI 0.3",
            Self::SpinHttp => "Spin HTTP",
            Self::Wagi => "WAGI",
            Self::SpinRedis => "Spin Redis",
            Self::SpinRedis3 => "Spin Redis 3",
        })
    }
}

/// What the triggers of the manifest need a component to export. A component without any is taken for one that serves
/// HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Triggers {
    /// An HTTP trigger, a private one too, that calls it through an HTTP interface.
    pub http: bool,
    /// An HTTP trigger with the WAGI executor.
    pub wagi: bool,
    /// A Redis trigger.
    pub redis: bool,
}

impl Triggers {
    /// What they call.
    fn entries(self) -> impl Iterator<Item = Entry> {
        let Self { http, wagi, redis } = self;
        let needed = [
            (Entry::Http, http || !(wagi || redis)),
            (Entry::Wagi, wagi),
            (Entry::Redis, redis),
        ];
        let needed = needed.into_iter().filter(|(_, needed)| *needed);
        needed.map(|(entry, _)| entry)
    }
}

/// How a component with these exports would take what its triggers bring.
///
/// # Errors
/// [`PrepareError::NoHandler`] for the first trigger that it has nothing for.
pub fn abis(exports: &[String], triggers: Triggers) -> Result<Vec<Abi>, PrepareError> {
    let finalised = |name: &String| rc::finalised_name(name).into_owned();
    let exports = Exports(exports.iter().map(finalised).collect());
    triggers.entries().map(|entry| exports.abi(entry)).collect()
}

/// What a trigger calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Http,
    Wagi,
    Redis,
}

impl Entry {
    /// The trigger, in words.
    fn trigger(self) -> &'static str {
        match self {
            Self::Http => "an HTTP trigger",
            Self::Wagi => "the WAGI executor",
            Self::Redis => "a Redis trigger",
        }
    }

    /// What may stand behind it, the newest first. Of several that a component has, the first is called.
    fn interfaces(self) -> &'static [&'static str] {
        match self {
            Self::Http => &[
                "wasi:http/handler@0.3",
                "wasi:http/handler@0.3.0-rc-2026-03-15",
                "wasi:http/incoming-handler@0.2",
                "wasi:http/incoming-handler@0.2.0-rc-2023-11-10",
                "wasi:http/incoming-handler@0.2.0-rc-2023-10-18",
                "fermyon:spin/inbound-http",
            ],
            Self::Wagi => &["wasi:cli/run@0.2"],
            Self::Redis => &[
                "spin:redis/inbound-redis@3.0.0",
                "fermyon:spin/inbound-redis",
            ],
        }
    }
}

/// How an entry is called.
enum Way {
    /// Several calls at once per instance.
    Several(ServicePre<State>),
    /// One call at a time per instance.
    Single(Box<dyn Export>),
}

/// The entries of a component.
pub(crate) struct Entries {
    /// At least one; HTTP before the others.
    ways: Vec<(Entry, Abi, Way)>,
}

impl Entries {
    /// Finds what the triggers need.
    ///
    /// # Errors
    /// [`PrepareError::NoHandler`] when something is missing, [`PrepareError::Mismatch`] when it has another shape.
    pub(crate) fn new(
        pre: &InstancePre<State>,
        triggers: Triggers,
        limits: &Limits,
    ) -> Result<Self, PrepareError> {
        let exports = Exports::of(pre);
        let mut ways = Vec::new();
        for entry in triggers.entries() {
            let abi = exports.abi(entry)?;
            let way = way(abi, pre, limits);
            let way = way.map_err(|error| PrepareError::Mismatch(format!("{error:#}")))?;
            ways.push((entry, abi, way));
        }
        Ok(Self { ways })
    }

    /// How it takes requests, or messages where it serves no HTTP.
    pub(crate) fn abi(&self) -> Abi {
        let (_, abi, _) = self.ways.first().expect("one is needed at least");
        *abi
    }

    /// Whether there is this entry.
    pub(crate) fn has(&self, entry: Entry) -> bool {
        self.way(entry).is_some()
    }

    /// What takes a request that does not say what it is for: another component's, or a probe's.
    pub(crate) fn unsaid(&self) -> Entry {
        match self.has(Entry::Wagi) && !self.has(Entry::Http) {
            true => Entry::Wagi,
            false => Entry::Http,
        }
    }

    /// What is called several times at once per instance.
    pub(crate) fn service(&self) -> Option<&ServicePre<State>> {
        match self.way(Entry::Http)? {
            Way::Several(pre) => Some(pre),
            Way::Single(_) => None,
        }
    }

    /// What is called with one request at a time.
    pub(crate) fn single(&self, entry: Entry) -> Option<&dyn Export> {
        match self.way(entry)? {
            Way::Several(_) => None,
            Way::Single(export) => Some(&**export),
        }
    }

    fn way(&self, entry: Entry) -> Option<&Way> {
        let mut ways = self.ways.iter();
        ways.find_map(|(known, _, way)| (*known == entry).then_some(way))
    }
}

fn way(abi: Abi, pre: &InstancePre<State>, limits: &Limits) -> wasmtime::Result<Way> {
    Ok(match abi {
        Abi::Wasi02 => Way::Single(Box::new(IncomingHandler::new(pre)?)),
        Abi::Wasi03 => Way::Several(ServicePre::new(pre.clone())?),
        Abi::SpinHttp => Way::Single(Box::new(InboundHttp::new(pre, limits)?)),
        Abi::Wagi => Way::Single(Box::new(Command::new(pre)?)),
        Abi::SpinRedis => Way::Single(Box::new(FirstRedis::new(pre)?)),
        Abi::SpinRedis3 => Way::Single(Box::new(ThirdRedis::new(pre)?)),
    })
}

/// The names of what a component exports.
struct Exports(Vec<String>);

impl Exports {
    fn of(pre: &InstancePre<State>) -> Self {
        let component = pre.component().component_type();
        let names = component.exports(pre.engine());
        Self(names.map(|(name, _)| name.to_owned()).collect())
    }

    fn abi(&self, entry: Entry) -> Result<Abi, PrepareError> {
        // Candidates for 0.2 and 0.3 whose shape is the final one are builds of it by now: their `-` became a `+`.
        let known: &[(&str, Abi)] = match entry {
            Entry::Http => &[
                ("wasi:http/handler@0.3.", Abi::Wasi03),
                ("wasi:http/incoming-handler@0.2.", Abi::Wasi02),
                ("fermyon:spin/inbound-http", Abi::SpinHttp),
            ],
            Entry::Wagi => &[("wasi:cli/run@0.2.", Abi::Wagi)],
            Entry::Redis => &[
                ("spin:redis/inbound-redis@3.0.", Abi::SpinRedis3),
                ("fermyon:spin/inbound-redis", Abi::SpinRedis),
            ],
        };
        let mut known = known.iter();
        let found = known.find(|(interface, _)| self.has(interface));
        found
            .map(|(_, abi)| *abi)
            .ok_or_else(|| PrepareError::NoHandler {
                trigger: entry.trigger(),
                wanted: entry.interfaces(),
                exports: self.0.clone(),
            })
    }

    /// Whether there is this interface: by its whole name, or in a stable version of the track that ends in a dot.
    fn has(&self, interface: &str) -> bool {
        self.0
            .iter()
            .any(|name| match name.strip_prefix(interface) {
                Some(patch) if interface.ends_with('.') => is_stable(patch),
                Some(rest) => rest.is_empty(),
                None => false,
            })
    }
}

fn is_stable(patch: &str) -> bool {
    let (number, _build) = patch.split_once('+').unwrap_or((patch, ""));
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abi(entry: Entry, exports: &[&str]) -> Option<Abi> {
        let exports = exports.iter().map(ToString::to_string).collect();
        Exports(exports).abi(entry).ok()
    }

    #[test]
    fn candidates_that_are_no_builds_of_a_stable_version_are_no_handlers() {
        for export in [
            "wasi:http/handler@0.3.0-rc-2025-08-15",
            "wasi:http/incoming-handler@0.2.0-rc-2023-12-05",
            "wasi:http/handler@0.3.",
            "wasi:http/handler@0.30.0",
            "fermyon:spin/inbound-http@2.0.0",
        ] {
            assert_eq!(abi(Entry::Http, &[export]), None, "{export}");
        }
    }

    #[test]
    fn each_trigger_finds_its_own_export_and_the_newest_of_it() {
        let run = "wasi:cli/run@0.2.6";
        let (first, third) = (
            "fermyon:spin/inbound-redis",
            "spin:redis/inbound-redis@3.0.0",
        );
        let all = [
            "fermyon:spin/inbound-http",
            run,
            "wasi:http/incoming-handler@0.2.0+rc-2023-10-18",
            first,
            third,
        ];
        assert_eq!(abi(Entry::Http, &all), Some(Abi::Wasi02));
        assert_eq!(abi(Entry::Http, &all[..2]), Some(Abi::SpinHttp));
        assert_eq!(abi(Entry::Http, &[run, first]), None);
        assert_eq!(abi(Entry::Wagi, &all), Some(Abi::Wagi));
        assert_eq!(abi(Entry::Wagi, &all[2..]), None);
        assert_eq!(abi(Entry::Redis, &all), Some(Abi::SpinRedis3));
        assert_eq!(abi(Entry::Redis, &all[..4]), Some(Abi::SpinRedis));
        let built = "wasi:http/handler@0.3.0+rc-2026-03-15";
        assert_eq!(abi(Entry::Http, &[all[2], built]), Some(Abi::Wasi03));
    }
}
