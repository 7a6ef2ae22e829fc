//! Generated from `wit/spin-variables`, the one place where the interface is written down.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../wit/spin-variables",
    inline: "
        package stoa:sdk;

        world variables {
            import spin:variables/variables@3.0.0;
        }
    ",
    generate_all,
});
