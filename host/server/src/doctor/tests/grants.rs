//! What a component is granted, and what its code can use: labels, models, hosts.

use super::*;

#[test]
fn labels_that_stand_for_nothing_are_told() {
    let project = Project::new("key_value_stores = [\"other\"]").importing(&[ERRORS]);
    project.assert_found(&[
        "error[label] 9: nothing is configured under the label `other` of `keyvalue`",
        "note[unused-grant] 9: the component is granted `keyvalue.other`, and its code cannot use it",
    ]);
}

#[test]
fn what_a_dependency_inherits_is_not_called_unused() {
    let adapter = "key_value_stores = [\"default\"]\n[component.a.dependencies]\n\
                   \"stoa:x\" = { path = \"x.wasm\", inherit_configuration = [\"key_value_stores\"] }";
    let told = |project: Project| {
        let found = project.importing(&[ERRORS]).examined().lines();
        found.iter().any(|it| it.contains("unused-grant"))
    };
    assert!(told(Project::new("key_value_stores = [\"default\"]")));
    assert!(!told(Project::new(adapter)));
}

#[test]
fn models_that_nobody_runs_are_told() {
    let project = Project::new("ai_models = [\"llama2-chat\"]").importing(&[ERRORS]);
    project.assert_found(&[
        "warning[models] 9: nobody runs language models for this host, so that every call of one fails",
    ]);
}

#[test]
fn an_interface_that_nothing_is_granted_for_is_told() {
    let project = Project::new("").importing(&["spin:key-value/key-value@3.0.0"]);
    project.assert_found(&[
        "note[no-grant] 7: the code imports `spin:key-value/key-value@3.0.0`, and is granted nothing that it could use by that",
    ]);
}

#[test]
fn hosts_in_the_old_field_are_told() {
    let project = Project::new("allowed_http_hosts = [\"example.com\"]");
    project
        .importing(&["wasi:http/outgoing-handler@0.2.6"])
        .assert_found(&["warning[manifest] 9: `allowed_http_hosts` is deprecated"]);
}

#[test]
fn code_that_may_connect_to_no_host_is_told() {
    let project = Project::new("").importing(&["wasi:http/outgoing-handler@0.2.6"]);
    project.assert_found(&[
        "note[no-host] 7: the code imports `wasi:http/outgoing-handler@0.2.6`, and may connect to no host by that",
    ]);
}

#[test]
fn hosts_that_no_code_connects_to_are_told() {
    let hosts = "allowed_outbound_hosts = [\"https://example.com\"]";
    let project = Project::new(hosts).importing(&[ERRORS]);
    project.assert_found(&[
        "note[unused-host] 9: the component may connect to `https://example.com`, and its code imports nothing that connects",
    ]);
}

#[test]
fn calls_of_a_component_that_is_not_there_are_told() {
    let hosts = "allowed_outbound_hosts = [\"http://gone.spin.internal\"]";
    let project = Project::new(hosts).importing(&["wasi:http/outgoing-handler@0.2.6"]);
    project.assert_found(&[
        "warning[no-component] 9: `http://gone.spin.internal` allows calls of the component `gone`, which is not there",
    ]);
}

#[test]
fn grants_that_spin_does_not_hold_are_told() {
    let more = "key_value_stores = [\"default\"]\n[component.a.tool.stoa]\nschema = 1\n\
                [component.a.tool.stoa.grants.keyvalue.default]\naccess = \"read\"";
    let project = Project::new(more).importing(&["spin:key-value/key-value@3.0.0"]);
    project.assert_found(&[
        "note[spin-grant] 12: under Spin nothing bounds what the component does with `keyvalue.default`",
    ]);
}
