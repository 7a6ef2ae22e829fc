//! Generated from `wit/keyvalue`, the one place where the interface is written down.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../wit/keyvalue",
    inline: "
        package stoa:sdk;

        world keyvalue {
            import stoa:keyvalue/read-async@0.1.0;
            import stoa:keyvalue/write-async@0.1.0;
        }
    ",
    generate_all,
});
