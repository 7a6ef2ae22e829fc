//! What a host says when it listens: what runs where.

use anyhow::Context;
use stoa_manifest::Pattern;
use stoa_manifest::http::Target;

use crate::deploy::Prepared;
use crate::output;

/// What runs where, as Spin tells it with `--format json`.
pub(super) fn document(release: &Prepared, base_url: String) -> anyhow::Result<String> {
    let app = &release.app;
    let routes = app.routes.iter().filter_map(|route| {
        let Pattern::Public(path) = &route.pattern else {
            return None;
        };
        let shown = path.to_string();
        let plain = shown.strip_suffix("/...").unwrap_or(&shown);
        let (id, description) = match &route.target {
            Target::Component(id) => {
                let description = app.components.get(id).map(|it| it.description.as_str());
                (id.as_str(), description.filter(|it| !it.is_empty()))
            }
            Target::StaticResponse(_) => (route.id.as_str(), None),
        };
        let mut told = serde_json::json!({
            "id": id,
            "route": if plain.is_empty() { "/" } else { plain },
            "wildcard": path.wildcard(),
        });
        if let Some(description) = description {
            told["description"] = description.into();
        }
        Some(told)
    });
    let document = serde_json::json!({
        "base_url": base_url,
        "routes": routes.collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&document).context("cannot tell the routes in JSON")
}

/// Prints what runs where.
pub(super) fn describe(release: &Prepared, lines: &[String]) {
    let app = &release.app;
    output::line(format!("{} {}", app.name, app.version).trim_end());
    for route in &app.routes {
        let pattern = match &route.pattern {
            Pattern::Public(path) => path.to_string(),
            Pattern::Private => "(private)".into(),
        };
        let target = target(release, &route.target);
        output::line(format_args!("  {pattern:<24} {target}"));
    }
    for subscription in &release.subscriptions {
        let channel = format!("redis {}", subscription.channel);
        let target = target(release, &Target::Component(subscription.component.clone()));
        output::line(format_args!("  {channel:<24} {target}"));
    }
    for line in lines {
        output::line(format_args!("  {line}"));
    }
}

fn target(release: &Prepared, target: &Target) -> String {
    match target {
        Target::Component(id) => match release.services.get(id) {
            Some(service) => {
                let revision = service.revision();
                format!("{id} {} ({})", revision.id(), revision.abi())
            }
            None => id.to_string(),
        },
        Target::StaticResponse(response) => format!("static response {}", response.status_code),
    }
}
