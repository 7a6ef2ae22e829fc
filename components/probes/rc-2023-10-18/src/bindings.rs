//! Generated from the repository's `wit/`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/wasi-2023-10-18",
    inline: "
        package probe:rc;

        world probe {
            include wasi:cli/reactor@0.2.0-rc-2023-10-18;
            import wasi:http/outgoing-handler@0.2.0-rc-2023-10-18;
            export wasi:http/incoming-handler@0.2.0-rc-2023-10-18;
        }
    ",
    world: "probe:rc/probe",
    generate_all,
});
