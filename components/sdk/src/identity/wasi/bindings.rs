//! Generated from `wit/identity`, the one place where the interface is written down.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../wit/identity",
    inline: "
        package stoa:sdk;

        world identity {
            import stoa:identity/passwords-async@0.1.0;
            import stoa:identity/tokens-async@0.1.0;
            import stoa:identity/verify@0.1.0;
        }
    ",
    generate_all,
});
