//! Generated from the repository's `wit/wasi-config-rc`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/wasi-config-rc",
    inline: "
        package probe:config;

        world config {
            import wasi:config/store@0.2.0-rc.1;
        }
    ",
    generate_all,
});
