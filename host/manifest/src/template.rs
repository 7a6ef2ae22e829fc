//! Templates: in some texts, `{{ name }}` stands for the value of a variable of the application.

use std::collections::BTreeMap;

use crate::text::{Mistake, Report, Spanned, nearest};
use crate::variable::Variable;

/// What templates may name; `None` if that could not be read, and then any name will do.
pub(crate) type Variables<'v> = Option<&'v BTreeMap<String, Variable>>;

/// Checks that each template of a text is closed and names a variable.
pub(crate) fn check(text: &Spanned<String>, variables: Variables<'_>, report: &Report) {
    let mut rest = text.value.as_str();
    while let Some((_, opened)) = rest.split_once("{{") {
        let Some((name, behind)) = opened.split_once("}}") else {
            let message = "a template is not closed with `}}`";
            return report.add(Mistake::new(text.span, message));
        };
        if let Some(mistake) = unknown(name.trim(), text, variables) {
            report.add(mistake);
        }
        rest = behind;
    }
}

fn unknown(name: &str, text: &Spanned<String>, variables: Variables<'_>) -> Option<Mistake> {
    let variables = variables?;
    if variables.contains_key(name) {
        return None;
    }
    let meant = nearest(name, variables.keys().map(String::as_str));
    let message = format!("there is no variable `{name}` in `[variables]`");
    Some(Mistake::new(text.span, message).did_you_mean(meant))
}
