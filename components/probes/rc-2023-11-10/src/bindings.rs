//! Generated from the repository's `wit/`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/wasi-2023-11-10",
    inline: "
        package probe:rc;

        world probe {
            include wasi:cli/reactor@0.2.0-rc-2023-11-10;
            import wasi:http/outgoing-handler@0.2.0-rc-2023-11-10;
            export wasi:http/incoming-handler@0.2.0-rc-2023-11-10;
        }
    ",
    world: "probe:rc/probe",
    generate_all,
});
