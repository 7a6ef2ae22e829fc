//! Where telemetry goes, in the variables of the environment that OpenTelemetry has for it. What each of them means is its
//! specification's ("OTLP exporter configuration"); this host speaks OTLP over HTTP in JSON.

use percent_encoding::percent_decode_str;

use super::Signal;
use crate::url::Url;
use crate::variables::Secret;

/// The collectors of each kind. The default has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, else below `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub traces: Option<Endpoint>,
    /// `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, else below `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub metrics: Option<Endpoint>,
    /// `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`, else below `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub logs: Option<Endpoint>,
}

/// A collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where items are posted to, path included.
    pub url: String,
    /// `OTEL_EXPORTER_OTLP_HEADERS`, and those of the kind: sent along, and secret because tokens are among them.
    pub headers: Vec<(String, Secret)>,
}

impl Config {
    /// Reads the environment, in which empty is as good as unset.
    ///
    /// # Errors
    /// Every variable that cannot be honoured, without its value.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        if variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(Self::default());
        }
        let mut problems = Vec::new();
        let mut endpoint = |signal| match endpoint(signal, &variable) {
            Ok(endpoint) => endpoint,
            Err(problem) => {
                // One variable may be wrong for all kinds.
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
                None
            }
        };
        let config = Self {
            traces: endpoint(Signal::Traces),
            metrics: endpoint(Signal::Metrics),
            logs: endpoint(Signal::Logs),
        };
        match problems.is_empty() {
            true => Ok(config),
            false => Err(problems),
        }
    }

    /// The collector of a kind.
    pub fn endpoint(&self, signal: Signal) -> Option<&Endpoint> {
        match signal {
            Signal::Traces => self.traces.as_ref(),
            Signal::Metrics => self.metrics.as_ref(),
            Signal::Logs => self.logs.as_ref(),
        }
    }
}

fn endpoint(
    signal: Signal,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<Option<Endpoint>, String> {
    let kind = signal.name().to_ascii_uppercase();
    if variable(&format!("OTEL_{kind}_EXPORTER")).is_some_and(|exporter| exporter == "none") {
        return Ok(None);
    }
    // What is said of one kind goes first.
    let either = |what: &str| {
        let own = format!("OTEL_EXPORTER_OTLP_{kind}_{what}");
        let all = format!("OTEL_EXPORTER_OTLP_{what}");
        let of_kind = variable(&own).map(|value| (own, value));
        of_kind.or_else(|| variable(&all).map(|value| (all, value)))
    };
    let own = format!("OTEL_EXPORTER_OTLP_{kind}_ENDPOINT");
    let Some((name, url)) = either("ENDPOINT") else {
        return Ok(None);
    };
    check_url(&name, &url)?;
    let url = match name == own {
        true => url,
        false => format!("{}/v1/{}", url.trim_end_matches('/'), signal.name()),
    };
    if let Some((name, protocol)) = either("PROTOCOL")
        && protocol != "http/json"
    {
        return Err(format!(
            "`{name}` asks for a protocol that this host does not speak\n  = hint: it speaks `http/json`, which collectors take where they take `http/protobuf`"
        ));
    }
    let headers = match either("HEADERS") {
        Some((name, headers)) => read_headers(&name, &headers)?,
        None => Vec::new(),
    };
    Ok(Some(Endpoint { url, headers }))
}

fn check_url(name: &str, url: &str) -> Result<(), String> {
    match Url::split(url) {
        Some(Url { user: Some(_), .. }) => Err(format!(
            "`{name}` has a name in front of its host\n  = hint: what shows who sends belongs into `OTEL_EXPORTER_OTLP_HEADERS`"
        )),
        Some(parts) if matches!(parts.scheme, "http" | "https") && parts.query.is_none() => Ok(()),
        _ => Err(format!(
            "`{name}` is no URL of a collector\n  = hint: write `http://127.0.0.1:4318`"
        )),
    }
}

/// `name=value,name=value`, with `%20` for a space.
fn read_headers(name: &str, written: &str) -> Result<Vec<(String, Secret)>, String> {
    let wrong = || format!("`{name}` must be `name=value,name=value`");
    let header = |pair: &str| {
        let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
        let value = percent_decode_str(value.trim()).decode_utf8();
        let value = value.map_err(|_| wrong())?;
        match key.trim() {
            "" => Err(wrong()),
            key => Ok((key.to_owned(), Secret::new(value))),
        }
    };
    let pairs = written.split(',').filter(|pair| !pair.trim().is_empty());
    pairs.map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        Config::read(|name| {
            let mut found = variables.iter().filter(|(known, _)| *known == name);
            found.next().map(|(_, value)| (*value).to_owned())
        })
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");

    #[test]
    fn what_cannot_be_honoured_is_told_without_its_value() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector-hunter2"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://hunter2"),
            (
                "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
                "http://me:hunter2@collector",
            ),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc-hunter2"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "=hunter2"),
        ] {
            // The first that is found counts.
            let problems = read(&[(name, value), ENDPOINT]).expect_err(value);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(
                problems[0].starts_with(&format!("`{name}` ")),
                "{problems:?}"
            );
            assert!(!problems[0].contains("hunter2"), "{problems:?}");
        }
    }

    #[test]
    fn nothing_is_collected_unless_the_environment_says_where() {
        let disabled = [ENDPOINT, ("OTEL_SDK_DISABLED", "true")];
        let empty = [("OTEL_EXPORTER_OTLP_ENDPOINT", " ")];
        for variables in [&[][..], &disabled, &empty] {
            assert_eq!(read(variables), Ok(Config::default()));
        }
        let without = read(&[ENDPOINT, ("OTEL_LOGS_EXPORTER", "none")]);
        let without = without.unwrap_or_else(|problems| panic!("{problems:?}"));
        assert!(without.logs.is_none() && without.traces.is_some());
    }

    #[test]
    fn what_is_said_of_one_kind_goes_first() {
        let config = read(&[
            ENDPOINT,
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=Bearer%20hunter2, x = 1",
            ),
            (
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                "https://traces.example/otlp",
            ),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "y=2"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ]);
        let config = config.unwrap_or_else(|problems| panic!("{problems:?}"));
        assert!(!format!("{config:?}").contains("hunter2"));
        let traces = config.traces.expect("it is there");
        assert_eq!(traces.url, "https://traces.example/otlp");
        assert_eq!(traces.headers, [("y".to_owned(), Secret::new("2"))]);
        let metrics = config.metrics.expect("it is there");
        assert_eq!(metrics.url, "http://collector:4318/v1/metrics");
        let bearer = ("authorization".to_owned(), Secret::new("Bearer hunter2"));
        assert_eq!(
            metrics.headers,
            [bearer, ("x".to_owned(), Secret::new("1"))]
        );
    }
}
