//! Options of `spin up` that cannot mean here what they mean there. They are known, so that whoever gives one is told why it
//! does not work, and not that there is no such option; none of them is ignored.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

/// The ones that were given, and why they do not work, for people.
#[derive(Debug, Default)]
pub(crate) struct Unmeant(pub(crate) Vec<String>);

/// An option, why it does not work, and what to do instead.
struct Known {
    name: &'static str,
    why: &'static str,
    hint: &'static str,
}

static OPTIONS: [Known; 12] = [
    Known {
        name: "cache",
        why: "how compiled code is kept is not configured by a file",
        hint: "it is in the folder `compiled` of `--state-dir`",
    },
    Known {
        name: "cache-dir",
        why: "what is fetched is kept beside the manifest",
        hint: "it is in `.stoa/fetched`",
    },
    Known {
        name: "debug-info",
        why: "code is compiled without what a debugger would need",
        hint: "backtraces name functions and, where the component has them, lines",
    },
    Known {
        name: "direct-mounts",
        why: "what serves is a release with its files, and not a folder",
        hint: "`--watch` publishes files as they are saved",
    },
    Known {
        name: "disable-cache",
        why: "compiled code is always kept, and used only if this host itself wrote it",
        hint: "remove the folder `compiled` of `--state-dir` to compile anew",
    },
    Known {
        name: "experimental-wasm-feature",
        why: "which features of WebAssembly there are is fixed in this version",
        hint: "leave it out: what Spin has on by default is on here, too",
    },
    Known {
        name: "http1-max-buf-size",
        why: "the size of a request's head is configured",
        hint: "write `request_head_bytes_max` in `[gateway.limits]` of the runtime configuration",
    },
    Known {
        name: "idle-instance-timeout",
        why: "an instance without requests is given back after ten seconds",
        hint: "leave it out; how many there are at once says `instances_max` in `[runtime]` of the runtime configuration",
    },
    Known {
        name: "max-instance-concurrent-reuse-count",
        why: "this is said for each component",
        hint: "write `requests_concurrent_per_instance_max` in `[component.<id>.tool.stoa.limits]`",
    },
    Known {
        name: "max-instance-reuse-count",
        why: "this is said for each component",
        hint: "write `requests_per_instance_max` in `[component.<id>.tool.stoa.limits]`",
    },
    Known {
        name: "request-timeout",
        why: "this is said for each component",
        hint: "write `deadline_ms_max` in `[component.<id>.tool.stoa.limits]`",
    },
    Known {
        name: "temp",
        why: "no files are copied to a temporary folder",
        hint: "they are in the folder `files` of `--state-dir`",
    },
];

impl Known {
    fn argument(&self) -> Arg {
        // Whether it wants a value or not: it is refused with and without.
        Arg::new(self.name)
            .long(self.name)
            .num_args(0..=1)
            .hide(true)
    }

    fn is_given(&self, matches: &ArgMatches) -> bool {
        matches.value_source(self.name) == Some(ValueSource::CommandLine)
    }

    fn refusal(&self) -> String {
        let Self { name, why, hint } = self;
        format!("`--{name}` does not work here: {why}\n  = hint: {hint}")
    }
}

impl Args for Unmeant {
    fn augment_args(command: Command) -> Command {
        command.args(OPTIONS.iter().map(Known::argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Unmeant {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = OPTIONS.iter().filter(|option| option.is_given(matches));
        Ok(Self(given.map(Known::refusal).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(arguments: &[&str]) -> Vec<String> {
        let command = Unmeant::augment_args(Command::new("up").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments);
        let matches = matches.unwrap_or_else(|error| panic!("{error}"));
        let unmeant = Unmeant::from_arg_matches(&matches);
        unmeant.unwrap_or_else(|error| panic!("{error}")).0
    }

    #[test]
    fn every_one_is_refused_with_a_value_and_without() {
        for option in &OPTIONS {
            let flag = format!("--{}", option.name);
            for arguments in [vec![flag.as_str()], vec![flag.as_str(), "1"]] {
                let told = given(&arguments);
                assert_eq!(told.len(), 1, "{arguments:?}");
                assert!(told[0].contains(&flag), "{told:?}");
            }
        }
    }

    #[test]
    fn what_is_not_given_is_not_refused() {
        assert_eq!(given(&[]), [""; 0]);
    }
}
