//! Some components of an application, deployed while the others stay as they serve.

use std::collections::BTreeMap;

use stoa_capabilities::releases::Digest;
use stoa_manifest::ComponentId;

use super::prepared::Prepared;
use super::refused::Refused;
use crate::admin::messages::Bundle;
use crate::bundle;

/// The bundle that is meant where only some components are deployed: theirs from the new one, the rest as it serves.
pub(super) fn whole(
    offered: Bundle,
    components: &[String],
    stable: &Prepared,
) -> Result<Bundle, Refused> {
    if components.is_empty() {
        return Ok(offered);
    }
    let invalid = |problem: String| Refused::Invalid(vec![problem]);
    let app = offered
        .parse()
        .map_err(|mistakes| invalid(mistakes.to_string()))?;
    let mut merged = stable.bundle.clone();
    // A signature covers what it was made of.
    merged.signature = None;
    let mut changed = Vec::new();
    for name in components {
        let unknown = || invalid(format!("there is no component `{name}`"));
        let id = ComponentId::new(name.as_str()).map_err(|_| unknown())?;
        let new = app.components.get(&id).ok_or_else(unknown)?;
        let old = stable.written.components.get(&id);
        if old != Some(new) {
            return Err(invalid(format!(
                "`[component.{name}]` is not the same in this manifest and in the release that serves\n  = hint: deploy the whole application, without `--component`"
            )));
        }
        let old: Vec<String> = bundle::of_component(&stable.written, &id, new, &merged.files)
            .into_keys()
            .map(str::to_owned)
            .collect();
        let new = bundle::of_component(&app, &id, new, &offered.files);
        for path in old.iter().filter(|path| !new.contains_key(path.as_str())) {
            changed.push(path.clone());
            merged.files.remove(path);
        }
        for (path, digest) in new {
            if merged.files.insert(path.to_owned(), digest) != Some(digest) {
                changed.push(path.to_owned());
            }
        }
    }
    others_keep(components, &changed, &merged.files, stable).map_err(invalid)?;
    Ok(merged)
}

/// Refuses to change a file under a component that was not named.
fn others_keep(
    components: &[String],
    changed: &[String],
    merged: &BTreeMap<String, Digest>,
    stable: &Prepared,
) -> Result<(), String> {
    let app = &stable.written;
    let others = app.components.iter();
    let others = others.filter(|(id, _)| !components.iter().any(|name| name == id.as_str()));
    for (id, component) in others {
        let before = bundle::of_component(app, id, component, &stable.bundle.files);
        // A pattern of its may match what is new.
        let after = bundle::of_component(app, id, component, merged);
        if let Some(path) = changed
            .iter()
            .find(|path| before.contains_key(path.as_str()) || after.contains_key(path.as_str()))
        {
            return Err(format!(
                "`{path}` belongs to component `{id}` too\n  = hint: deploy both: add `--component {id}`"
            ));
        }
    }
    Ok(())
}
