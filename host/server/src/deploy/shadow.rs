//! What a mirrored candidate may do: read what the application may read, and change nothing. It reaches no other host
//! either, because a request that is sent twice is sent once too often; but its components call one another, which are all
//! shadows.

use stoa_manifest::grants::Access;
use stoa_manifest::grants::identity::Operation;
use stoa_manifest::{Component, hosts};

/// What a release is linked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    /// All that its manifest grants.
    Full,
    /// Of that, only what changes nothing.
    Shadow,
}

impl Power {
    /// The component as it is linked.
    pub(super) fn of(self, component: &Component) -> Component {
        let mut component = component.clone();
        if self == Self::Shadow {
            shade(&mut component);
        }
        component
    }
}

fn shade(component: &mut Component) {
    let grants = &mut component.grants;
    for grant in grants.keyvalue.values_mut() {
        grant.access = Access::Read;
    }
    for grant in grants.sql.values_mut() {
        grant.access = Access::Read;
        grant.schema = false;
    }
    for grant in grants.documents.values_mut() {
        grant.access = Access::Read;
    }
    for grant in grants.blobs.values_mut() {
        grant.access = Access::Read;
    }
    for grant in grants.identity.values_mut() {
        // A token that nobody asked for would be good all the same.
        grant
            .operations
            .retain(|operation| *operation != Operation::Sign);
    }
    let outbound = component.allowed_outbound_hosts.iter();
    let http = component.allowed_http_hosts.iter();
    component.allowed_outbound_hosts = outbound
        .flat_map(|entry| hosts::inside(entry))
        .chain(http.flat_map(|entry| hosts::inside_http(entry)))
        .collect();
    component.allowed_http_hosts.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use stoa_manifest::text::Source;

    #[test]
    fn a_shadow_reads_and_reaches_only_other_shadows() {
        let text = r#"
            spin_manifest_version = 2
            [application]
            name = "test"
            [[trigger.http]]
            route = "/..."
            component = "a"
            [component.a]
            source = "a.wasm"
            key_value_stores = ["default"]
            sqlite_databases = ["default"]
            allowed_outbound_hosts = ["https://api.example.com", "http://b.spin.internal", "https://*"]
            [component.a.tool.stoa]
            schema = 1
            [component.a.tool.stoa.grants.blobs.media]
            containers = ["images"]
            [component.a.tool.stoa.grants.identity.users]
            operations = ["sign", "verify"]
        "#;
        let app = stoa_manifest::parse(&Source::new("spin.toml", text), None)
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        for component in app.components.values() {
            assert_eq!(Power::Full.of(component), *component);
            let shadow = Power::Shadow.of(component);
            let grants = &shadow.grants;
            assert!(
                grants
                    .keyvalue
                    .values()
                    .all(|grant| grant.access == Access::Read)
            );
            assert!(
                grants
                    .sql
                    .values()
                    .all(|grant| grant.access == Access::Read)
            );
            assert!(
                grants
                    .blobs
                    .values()
                    .all(|grant| grant.access == Access::Read)
            );
            assert!(
                grants
                    .identity
                    .values()
                    .all(|grant| grant.operations == [Operation::Verify])
            );
            assert_eq!(
                shadow.allowed_outbound_hosts,
                [
                    "http://b.spin.internal",
                    "https://*.spin.internal",
                    "https://self"
                ]
            );
        }
    }
}
