//! The other fields of a component, and what its code imports.

use super::{Release, both_ways, fields, imports, policy, told};

#[test]
fn hosts() {
    both_ways(
        fields(""),
        fields("allowed_outbound_hosts = [\"https://api.example.com\"]"),
        &["wider a: may connect to `https://api.example.com`"],
        &["narrower a: no longer may connect to `https://api.example.com`"],
    );
    both_ways(
        fields(""),
        fields("allowed_http_hosts = [\"api.example.com\"]"),
        &["wider a: may connect to `api.example.com`"],
        &["narrower a: no longer may connect to `api.example.com`"],
    );
    both_ways(
        fields("allowed_outbound_hosts = [\"https://*.example.com\"]"),
        fields("allowed_outbound_hosts = [\"https://api.example.com\"]"),
        &[
            "narrower a: no longer may connect to `https://*.example.com`",
            "other a: may connect to `https://api.example.com`, which another entry allowed before",
        ],
        &["wider a: may connect to `https://*.example.com`"],
    );
    both_ways(
        fields("allowed_outbound_hosts = [\"http://a.com\", \"https://a.com\"]"),
        fields("allowed_http_hosts = [\"a.com\"]"),
        &["other a: may connect to `a.com`, which another entry allowed before"],
        &[
            "other a: may connect to `http://a.com`, which another entry allowed before",
            "other a: may connect to `https://a.com`, which another entry allowed before",
        ],
    );
}

#[test]
fn hosts_with_variables_lead_elsewhere_with_other_defaults() {
    let release = |variables| Release {
        variables,
        fields: "allowed_outbound_hosts = [\"https://{{ api }}\"]",
        ..Release::default()
    };
    let told_of = [
        "wider a: may connect to `https://{{ api }}`, where a variable has another default",
        "other -: has another default for the variable `api`",
    ];
    both_ways(
        release("api = { default = \"one.example.com\" }"),
        release("api = { default = \"two.example.com\" }"),
        &told_of,
        &told_of,
    );
}

#[test]
fn secret_variables() {
    let release = |variables, fields| Release {
        variables,
        fields,
        ..Release::default()
    };
    const SECRET: &str = "key = { required = true, secret = true }";
    const READS: &str = "variables = { mine = \"Bearer {{ key }}\" }";
    both_ways(
        release(SECRET, "variables = { mine = \"none\" }"),
        release(SECRET, READS),
        &[
            "wider a: may read the secret variable `key`",
            "other a: has another value in a variable of its own: `mine`",
        ],
        &[
            "narrower a: no longer may read the secret variable `key`",
            "other a: has another value in a variable of its own: `mine`",
        ],
    );
    both_ways(
        release(SECRET, ""),
        release("key = { required = true }", READS),
        &[
            "wider -: no longer keeps the variable `key` secret",
            "wider a: may read the secret variable `key`",
            "other a: has a variable of its own more: `mine`",
        ],
        &[
            "narrower -: keeps the variable `key` secret",
            "narrower a: no longer may read the secret variable `key`",
            "other a: has a variable of its own less: `mine`",
        ],
    );
}

#[test]
fn other_variables_and_the_environment_without_their_values() {
    let release = |variables, fields| Release {
        variables,
        fields,
        ..Release::default()
    };
    both_ways(
        release("", "environment = { MODE = \"hunter2\" }"),
        release(
            "region = { default = \"hunter3\" }",
            "environment = { MODE = \"hunter4\" }\nvariables = { mine = \"{{ region }}\" }",
        ),
        &[
            "wider a: may read the variable `region`, whatever the host has under that name",
            "other -: has another variable `region`",
            "other a: has a variable of its own more: `mine`",
            "other a: has another value in an environment variable: `MODE`",
        ],
        &[
            "narrower a: no longer may read the variable `region`, whatever the host has under that name",
            "other -: no longer has the variable `region`",
            "other a: has a variable of its own less: `mine`",
            "other a: has another value in an environment variable: `MODE`",
        ],
    );
    const REGION: &str = "region = { default = \"hunter3\" }";
    both_ways(
        release(REGION, ""),
        release(REGION, "variables = { mine = \"{{ region }}\" }"),
        &[
            "other a: has a variable of its own more: `mine`",
            "other a: reads the variable `region`",
        ],
        &[
            "other a: has a variable of its own less: `mine`",
            "other a: no longer reads the variable `region`",
        ],
    );
}

/// A release that drops a secret, and one after it that takes the name up again as if it were none.
#[test]
fn a_secret_is_not_reached_by_way_of_a_release_without_it() {
    const KEY: &str = "key = { default = \"\" }";
    let reads = Release {
        variables: KEY,
        fields: "variables = { mine = \"{{ key }}\" }",
        ..Release::default()
    };
    assert_eq!(
        told(&fields(""), &reads)[0],
        "wider a: may read the variable `key`, whatever the host has under that name"
    );
    let by_another = Release {
        variables: KEY,
        rest: "[component.b]\nsource = \"b.wasm\"\nvariables = { mine = \"{{ key }}\" }\n",
        ..Release::default()
    };
    assert_eq!(
        told(&fields(""), &by_another)[0],
        "wider b: is new and may read the variable `key`, whatever the host has under that name"
    );
}

#[test]
fn files_and_models() {
    both_ways(
        fields(""),
        fields(
            "files = [\"assets/*\", { source = \"s\", destination = \"/s\" }]\nai_models = [\"llama\"]",
        ),
        &[
            "wider a: may read files `assets/*`",
            "wider a: may read files `s` at `/s`",
            "wider a: may use the language model `llama`",
        ],
        &[
            "narrower a: no longer may read files `assets/*`",
            "narrower a: no longer may read files `s` at `/s`",
            "narrower a: no longer may use the language model `llama`",
        ],
    );
    both_ways(
        fields("files = [\"*\"]\nexclude_files = [\"key\"]"),
        fields("files = [\"*\"]"),
        &["wider a: may read files `key`, which were excluded"],
        &["narrower a: no longer may read files `key`"],
    );
}

#[test]
fn files_that_only_read_alike_are_not_the_same() {
    both_ways(
        fields("files = [\"s` at `/s\"]"),
        fields("files = [{ source = \"s\", destination = \"/s\" }]"),
        &[
            "wider a: may read files `s` at `/s`",
            "narrower a: no longer may read files `s` at `/s`",
        ],
        &[
            "wider a: may read files `s` at `/s`",
            "narrower a: no longer may read files `s` at `/s`",
        ],
    );
}

#[test]
fn dependencies() {
    both_ways(
        fields(""),
        fields("dependencies = { \"x:y/z\" = { path = \"z.wasm\" } }"),
        &["other a: has another dependency `x:y/z`"],
        &["other a: no longer has the dependency `x:y/z`"],
    );
    both_ways(
        fields("dependencies = { \"x:y/z\" = { path = \"z.wasm\" } }"),
        fields(
            "dependencies_inherit_configuration = true\ndependencies = { \"x:y/z\" = { path = \"y.wasm\" } }",
        ),
        &[
            "wider a: lets its dependency `x:y/z` use all that it may use",
            "other a: takes its dependency `x:y/z` from elsewhere",
        ],
        &[
            "narrower a: no longer lets its dependency `x:y/z` use all that it may use",
            "other a: takes its dependency `x:y/z` from elsewhere",
        ],
    );
    both_ways(
        fields(
            "dependencies = { \"x:y/z\" = { path = \"z.wasm\", inherit_configuration = [\"files\"] } }",
        ),
        fields(
            "dependencies = { \"x:y/z\" = { path = \"z.wasm\", inherit_configuration = [\"files\", \"variables\"] } }",
        ),
        &["wider a: lets its dependency `x:y/z` use its `variables`"],
        &["narrower a: no longer lets its dependency `x:y/z` use its `variables`"],
    );
}

#[test]
fn imports_of_what_has_power() {
    both_ways(
        imports(&["wasi:http/types@0.2.6"]),
        imports(&["wasi:http/types@0.2.6", "wasi:http/outgoing-handler@0.2.6"]),
        &["wider a: imports `wasi:http/outgoing-handler`, by which it sends HTTP requests"],
        &[
            "narrower a: no longer imports `wasi:http/outgoing-handler`, by which it sends HTTP requests",
        ],
    );
    both_ways(
        imports(&[]),
        imports(&["spin:key-value/key-value@3.0.0"]),
        &[
            "wider a: imports `spin:key-value/key-value`, by which it reads key-value stores and writes to key-value stores",
        ],
        &[
            "narrower a: no longer imports `spin:key-value/key-value`, by which it reads key-value stores and writes to key-value stores",
        ],
    );
    both_ways(
        imports(&[]),
        imports(&["acme:robot/arm@1.0.0"]),
        &["wider a: imports `acme:robot/arm`, and nobody can say what it does by that"],
        &["narrower a: no longer imports `acme:robot/arm`"],
    );
}

#[test]
fn imports_that_give_nothing_new() {
    both_ways(
        imports(&["wasi:http/types@0.2.6"]),
        imports(&["wasi:http/types@0.3.0", "wasi:random/random@0.2.6"]),
        &[
            "other a: imports `wasi:http/types` `0.3.0`, not `0.2.6`",
            "other a: imports `wasi:random/random`",
        ],
        &[
            "other a: imports `wasi:http/types` `0.2.6`, not `0.3.0`",
            "other a: no longer imports `wasi:random/random`",
        ],
    );
    both_ways(
        imports(&["wasi:http/outgoing-handler@0.2.6"]),
        imports(&["wasi:http/client@0.3.0"]),
        &[
            "other a: imports `wasi:http/client`",
            "other a: no longer imports `wasi:http/outgoing-handler`",
        ],
        &[
            "other a: imports `wasi:http/outgoing-handler`",
            "other a: no longer imports `wasi:http/client`",
        ],
    );
}

#[test]
fn code_limits_and_checks() {
    let revision = |revision| Release {
        revision,
        ..Release::default()
    };
    both_ways(
        revision("a1b2"),
        revision("c3d4"),
        &["other a: has other code: revision a1b2 -> c3d4"],
        &["other a: has other code: revision c3d4 -> a1b2"],
    );
    both_ways(
        policy("", "limits = { cpu_ms_max = 10 }"),
        policy("", "limits = { requests_per_instance_max = 5 }"),
        &[
            "other a: has 10000 as `cpu_ms_max`, not 10",
            "other a: has 5 as `requests_per_instance_max`, not the default",
        ],
        &[
            "other a: has 10 as `cpu_ms_max`, not 10000",
            "other a: has the default as `requests_per_instance_max`, not 5",
        ],
    );
    both_ways(
        policy("", ""),
        policy("", "openapi = \"o.json\"\nhealth = \"/health\""),
        &[
            "other a: is asked for `/health` before it serves",
            "other a: is described by `o.json`",
        ],
        &[
            "other a: is no longer asked anything before it serves",
            "other a: is no longer described by an OpenAPI document",
        ],
    );
}
