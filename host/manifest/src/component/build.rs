//! `build`: how a component is made from its sources.

use crate::text::{Mistake, Shape, Table, Value};

/// How a component is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildCommand {
    /// The shell commands, run one after the other. At least one.
    pub commands: Vec<String>,
    /// The folder to run them in, relative to the manifest's. Default: that one itself.
    pub workdir: Option<String>,
    /// Files and patterns, relative to `workdir`, whose change calls for a new build. Default: none.
    pub watch: Vec<String>,
}

pub(crate) fn read(value: Value<'_>) -> Option<BuildCommand> {
    value.table(|table: &mut Table<'_>| {
        let commands = table.required("command", read_commands);
        let workdir = table.optional("workdir", Value::string);
        let watch = table.or_default("watch", Value::strings);
        Some(BuildCommand {
            commands: commands?,
            workdir: workdir?,
            watch: watch?,
        })
    })
}

/// One command, or a list of them.
pub(crate) fn read_commands(value: Value<'_>) -> Option<Vec<String>> {
    let (span, report) = (value.span(), value.report());
    let commands = match value.shape() {
        Shape::String => value.string().map(|command| vec![command]),
        Shape::Array => value.strings(),
        _ => value.refuse("a string or an array of strings"),
    }?;
    match commands.is_empty() {
        true => report.refuse(Mistake::new(span, "there is no command in this list")),
        false => Some(commands),
    }
}
