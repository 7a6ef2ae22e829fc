//! `[[trigger.http]]`: which requests go where.

use std::collections::BTreeMap;

use crate::dependency::Dependency;
use crate::name::ComponentId;
use crate::pattern::{Path, Pattern};
use crate::text::{self, Mistake, Report, Shape, Spanned, Table, Value, nearest};
use crate::trigger;

/// The most that `request_body_bytes_max` may say: 1 TiB.
pub const REQUEST_BODY_BYTES_CEILING: u64 = 1 << 40;

/// The role that `dependencies` of an HTTP trigger knows.
const MIDDLEWARE: &str = "middleware";

/// An HTTP trigger: a pattern and what answers the requests that fit it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Unique among the triggers of the application. Default, as in Spin: `<component>-http-trigger`; where that is
    /// taken or there is no such component, `http-trigger1`, `http-trigger2`, … Other kinds have theirs in its place.
    pub id: String,
    /// Which requests it answers.
    pub pattern: Pattern,
    /// What answers them.
    pub target: Target,
    /// How the component is called. Default: [`Executor::Http`].
    pub executor: Executor,
    /// The components that see a request before the target does, outermost first. Default: none.
    pub middleware: Vec<Dependency>,
    /// `components`: by role, other components that the trigger names. Spin gives them no meaning here. Default: none.
    pub components: BTreeMap<String, Vec<ComponentId>>,
    /// What the gateway does about its requests.
    pub policy: Policy,
}

/// What answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A component.
    Component(ComponentId),
    /// The host itself, always with the same response.
    StaticResponse(StaticResponse),
}

/// A response that needs no component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticResponse {
    /// The status: 100 to 599. Default: 200.
    pub status_code: u16,
    /// Header names and values, both checked. Default: none.
    pub headers: BTreeMap<String, String>,
    /// The body. Default: empty.
    pub body: String,
}

/// How a component is called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Executor {
    /// `{ type = "http" }`: through whichever HTTP interface it exports.
    #[default]
    Http,
    /// `{ type = "wagi" }`: as a CGI program. Deprecated.
    Wagi {
        /// Its arguments, separated by spaces. Default: `${SCRIPT_NAME} ${ARGS}`.
        argv: String,
        /// The function to start. Default: `_start`.
        entrypoint: String,
    },
}

/// `[application.tool.stoa.routes.<trigger id>]`: what the gateway does about a route's requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// Bytes that a request's body may have; a longer one is refused. 0 to [`REQUEST_BODY_BYTES_CEILING`]. Default:
    /// the gateway's own limit.
    pub request_body_bytes_max: Option<u64>,
}

/// The fields that only an HTTP trigger has.
pub(crate) struct Draft {
    pub(crate) route: Spanned<Pattern>,
    pub(crate) static_response: Option<StaticResponse>,
    pub(crate) executor: Executor,
}

pub(crate) fn read(trigger: &trigger::Draft, table: &mut Table<'_>) -> Option<Draft> {
    let report = table.report();
    let route = table.required("route", read_route);
    let executor = table.or_default("executor", |value| value.table(read_executor));
    let response = table.take("static_response");
    let target = check_target(trigger, response.as_ref(), report);
    let static_response = match response {
        Some(value) => value.table(read_static_response).map(Some),
        None => Some(None),
    };
    check_roles(trigger, report);
    target?;
    Some(Draft {
        route: route?,
        static_response: static_response?,
        executor: executor?,
    })
}

pub(crate) fn read_policy(table: &mut Table<'_>) -> Option<Policy> {
    let bytes = table.optional("request_body_bytes_max", |value| {
        value.integer(0..=REQUEST_BODY_BYTES_CEILING)
    });
    Some(Policy {
        request_body_bytes_max: bytes?,
    })
}

/// A request is answered by a component or by a static response.
fn check_target(
    trigger: &trigger::Draft,
    response: Option<&Value<'_>>,
    report: &Report,
) -> Option<()> {
    match (&trigger.component, response) {
        (Some(_), Some(response)) => {
            let message = "a trigger has a `component` or a `static_response`, not both";
            report.refuse(Mistake::new(response.span(), message))
        }
        (None, None) => {
            let message = "nothing answers the requests of this trigger";
            report.refuse(
                Mistake::new(trigger.span, message).hint("add `component` or `static_response`"),
            )
        }
        _ => Some(()),
    }
}

fn check_roles(trigger: &trigger::Draft, report: &Report) {
    for (role, _) in trigger
        .dependencies
        .iter()
        .filter(|(role, _)| role.value != MIDDLEWARE)
    {
        let message = format!(
            "an HTTP trigger has no use for `{}` in its `dependencies`",
            role.value
        );
        report
            .add(Mistake::new(role.span, message).did_you_mean(nearest(&role.value, [MIDDLEWARE])));
    }
}

fn read_route(value: Value<'_>) -> Option<Spanned<Pattern>> {
    let span = value.span();
    let pattern = match value.shape() {
        Shape::String => read_path(value).map(Pattern::Public),
        Shape::Table => value.table(read_private),
        _ => value.refuse("a string or `{ private = true }`"),
    };
    Some(Spanned::new(span, pattern?))
}

fn read_path(value: Value<'_>) -> Option<Path> {
    let report = value.report();
    let written = value.spanned_string()?;
    match Path::parse(&written.value) {
        Ok(path) => Some(path),
        Err(error) => report.refuse(Mistake::new(
            written.span,
            format!("`{}` is not a route: {error}", written.value),
        )),
    }
}

fn read_private(table: &mut Table<'_>) -> Option<Pattern> {
    let (span, report) = (table.span(), table.report());
    match table.required("private", Value::boolean)? {
        true => Some(Pattern::Private),
        false => report.refuse(Mistake::new(
            span,
            "a route is a string, or `{ private = true }`",
        )),
    }
}

fn read_executor(table: &mut Table<'_>) -> Option<Executor> {
    let wagi = table.required("type", |value| {
        value.choice(&[("http", false), ("spin", false), ("wagi", true)])
    });
    if wagi? {
        read_wagi(table)
    } else {
        Some(Executor::Http)
    }
}

fn read_wagi(table: &mut Table<'_>) -> Option<Executor> {
    let (span, report) = (table.span(), table.report());
    report.warn(Mistake::new(span, "the `wagi` executor is deprecated"));
    let argv = table.or("argv", "${SCRIPT_NAME} ${ARGS}".to_owned(), Value::string);
    let entrypoint = table.or("entrypoint", "_start".to_owned(), Value::string);
    Some(Executor::Wagi {
        argv: argv?,
        entrypoint: entrypoint?,
    })
}

fn read_static_response(table: &mut Table<'_>) -> Option<StaticResponse> {
    let status_code = table.or("status_code", 200, read_status);
    let headers = table.or_default("headers", read_headers);
    let body = table.or_default("body", Value::string);
    Some(StaticResponse {
        status_code: status_code?,
        headers: headers?,
        body: body?,
    })
}

fn read_status(value: Value<'_>) -> Option<u16> {
    u16::try_from(value.integer(100..=599)?).ok()
}

fn read_headers(value: Value<'_>) -> Option<BTreeMap<String, String>> {
    let report = value.report();
    let headers = text::all(value.entries()?.into_iter().map(|(name, value)| {
        let value = value.spanned_string()?;
        check_header(&name, &value, report)?;
        Some((name.value, value.value))
    }));
    headers.map(BTreeMap::from_iter)
}

fn check_header(name: &Spanned<String>, value: &Spanned<String>, report: &Report) -> Option<()> {
    if name.value.is_empty() || !name.value.chars().all(is_token) {
        return report.refuse(Mistake::new(
            name.span,
            format!("`{}` is not the name of a header", name.value),
        ));
    }
    if value.value.chars().any(|c| c.is_control() && c != '\t') {
        let message = format!(
            "the value of header `{}` contains a control character",
            name.value
        );
        return report.refuse(Mistake::new(value.span, message));
    }
    Some(())
}

/// A character of a token, as RFC 9110 defines it.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}
