//! Generated from `wit/sql`, the one place where the interface is written down.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../wit/sql",
    inline: "
        package stoa:sdk;

        world sql {
            import stoa:sql/read-async@0.1.0;
            import stoa:sql/write-async@0.1.0;
            import stoa:sql/transactions-async@0.1.0;
        }
    ",
    generate_all,
});
