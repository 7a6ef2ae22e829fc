//! Generated from `wit/documents`, the one place where the interface is written down.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../wit/documents",
    inline: "
        package stoa:sdk;

        world documents {
            import stoa:documents/read-async@0.1.0;
            import stoa:documents/write-async@0.1.0;
        }
    ",
    generate_all,
});
