//! Generated from the repository's `wit/wasi-otel`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/wasi-otel",
    inline: "
        package probe:otel;

        world otel {
            import wasi:otel/tracing@0.2.0-rc.2;
            import wasi:otel/metrics@0.2.0-rc.2;
            import wasi:otel/logs@0.2.0-rc.2;
        }
    ",
    generate_all,
});
