//! Routes, triggers and seeds.

use super::{both_ways, rest};

#[test]
fn middleware() {
    const WITHOUT: &str = "[[trigger.http]]\nid = \"x\"\nroute = \"/x\"\ncomponent = \"a\"\n";
    const WITH: &str = "[[trigger.http]]\nid = \"x\"\nroute = \"/x\"\ncomponent = \"a\"\n\
        dependencies = { middleware = [{ path = \"m.wasm\", inherit_configuration = true }] }\n";
    both_ways(
        rest(WITHOUT),
        rest(WITH),
        &[
            "wider a: lets the middleware of the route `x` use all that it may use",
            "other a: gets the requests of the route `x` through other middleware",
        ],
        &[
            "narrower a: no longer lets the middleware of the route `x` use all that it may use",
            "other a: gets the requests of the route `x` through other middleware",
        ],
    );
}

#[test]
fn routes() {
    both_ways(
        rest(""),
        rest(
            "[[trigger.http]]\nroute = \"/x/:id\"\ncomponent = \"a\"\n[[trigger.http]]\nroute = \"/y\"\nstatic_response = {}\n",
        ),
        &[
            "other -: answers `/y` with always the same response",
            "other a: answers `/x/:id`",
        ],
        &[
            "other -: no longer answers `/y` with always the same response",
            "other a: no longer answers `/x/:id`",
        ],
    );
    both_ways(
        rest(""),
        rest(
            "[application.tool.stoa]\nschema = 1\nroutes.front = { request_body_bytes_max = 5 }\n",
        ),
        &["other a: takes bodies up to 5 bytes by the route `front`"],
        &["other a: takes bodies up to the gateway's limit by the route `front`"],
    );
}

#[test]
fn other_triggers() {
    both_ways(
        rest(""),
        rest(
            "[[trigger.redis]]\naddress = \"redis://:hunter2@r\"\nchannel = \"c\"\ncomponent = \"a\"\n",
        ),
        &["wider a: may receive the messages of the Redis channel `c`"],
        &["narrower a: no longer may receive the messages of the Redis channel `c`"],
    );
    let elsewhere =
        "wider a: may receive the messages of the Redis channel `c` from another server";
    both_ways(
        rest("[[trigger.redis]]\naddress = \"redis://q\"\nchannel = \"c\"\ncomponent = \"a\"\n"),
        rest("[[trigger.redis]]\naddress = \"redis://r\"\nchannel = \"c\"\ncomponent = \"a\"\n"),
        &[elsewhere],
        &[elsewhere],
    );
    both_ways(
        rest(""),
        rest("[[trigger.cron]]\nid = \"nightly\"\nschedule = \"x\"\ncomponent = \"a\"\n"),
        &["other a: is started by the trigger `nightly` of kind `cron`"],
        &["other a: is no longer started by the trigger `nightly` of kind `cron`"],
    );
}

#[test]
fn seeds() {
    const ONE: &str =
        "[application.tool.stoa]\nschema = 1\nseeds.s = { file = \"a\", path = \"/a\" }\n";
    const TWO: &str =
        "[application.tool.stoa]\nschema = 1\nseeds.s = { file = \"b\", path = \"/a\" }\n";
    both_ways(
        rest(""),
        rest(ONE),
        &["other -: starts with the seed `s`"],
        &["other -: no longer starts with the seed `s`"],
    );
    let another = "other -: starts with another seed `s`";
    both_ways(rest(ONE), rest(TWO), &[another], &[another]);
}
