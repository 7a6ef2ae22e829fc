//! What keeps an application from starting. No message has a value in it that may be secret.

use stoa_manifest::ComponentId;
use stoa_manifest::hosts;

use super::provider::Unanswered;
use super::template::Flaw;
use super::triggers::TriggerFlaw;
use super::{COMPONENT_BYTES_MAX, VALUE_BYTES_MAX};

/// One thing that is wrong with the variables of an application. They are told all at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A required variable that nobody gives a value to.
    #[error("the variable `{name}` is required, and nothing gives it a value")]
    Missing {
        /// The variable.
        name: String,
    },
    /// A value is over [`VALUE_BYTES_MAX`].
    #[error(
        "the value of the variable `{name}` is larger than {} bytes",
        VALUE_BYTES_MAX
    )]
    TooLarge {
        /// The variable.
        name: String,
    },
    /// A provider failed. The next ones are not asked: theirs might be another value.
    #[error("{provider} cannot tell the variable `{name}`: {why}")]
    Unanswered {
        /// Who failed.
        provider: String,
        /// The variable.
        name: String,
        /// What it says.
        why: Unanswered,
    },
    /// A file with values cannot be used.
    #[error("cannot read `{file}`: {why}")]
    File {
        /// The file, as messages name it.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// A line of such a file is wrong. The line is not shown: it may hold a secret.
    #[error("`{file}`, line {line}: {why}")]
    Line {
        /// The file.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A `--variable` that has none of the forms. It is not shown: it may be a secret that lost its name.
    #[error("`--variable` takes NAME=VALUE, NAME=@FILE, @FILE.toml or @FILE.json")]
    Argument,
    /// A `--variable` for a variable that the application does not have.
    #[error("`--variable {name}=…`: there is no variable `{name}` in `[variables]`{}", did_you_mean(.meant.as_deref()))]
    Undeclared {
        /// The name.
        name: String,
        /// The variable that was probably meant.
        meant: Option<String>,
    },
    /// A template in a component's variable.
    #[error("component `{component}`, variable `{name}`: {flaw}")]
    Template {
        /// The component.
        component: ComponentId,
        /// Its variable.
        name: String,
        /// What is wrong.
        flaw: Flaw,
    },
    /// The values of a component are together over [`COMPONENT_BYTES_MAX`].
    #[error(
        "the variables of component `{component}` are together larger than {} bytes",
        COMPONENT_BYTES_MAX
    )]
    Together {
        /// The component.
        component: ComponentId,
    },
    /// An entry of `allowed_outbound_hosts`, when its variables are known.
    #[error("component `{component}`, allowed outbound host `{entry}`: {why}")]
    Host {
        /// The component.
        component: ComponentId,
        /// The entry as it is written.
        entry: String,
        /// What is wrong.
        why: HostFlaw,
    },
    /// A Redis trigger, when its variables are known.
    #[error("trigger `{trigger}`: {why}")]
    Trigger {
        /// Its id.
        trigger: String,
        /// What is wrong.
        why: TriggerFlaw,
    },
}

/// Why an entry of `allowed_outbound_hosts` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostFlaw {
    /// The template itself is wrong.
    #[error(transparent)]
    Template(#[from] Flaw),
    /// It becomes something that is no destination.
    #[error("it stands for `{value}`, and {error}")]
    Destination {
        /// What it became; no secret.
        value: String,
        /// What is wrong with it.
        error: hosts::Error,
    },
    /// The same of an entry with a secret.
    #[error(
        "it stands for something that is not `scheme://host[:port]`; as it holds a secret, it is not shown"
    )]
    Hidden,
    /// A secret stands for a component of the application. Which components there are is no secret, and messages name
    /// them.
    #[error("a secret cannot name the application itself or another of its components")]
    Internal,
}

fn did_you_mean(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}
