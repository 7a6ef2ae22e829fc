//! Generated from the repository's `wit/`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: ["../../../wit/fermyon-spin-inbound-redis", "../../../wit/wasi-keyvalue-draft2"],
    inline: "
        package probe:inbound;

        world inbound {
            import wasi:keyvalue/store@0.2.0-draft2;
            export fermyon:spin/inbound-redis;
        }
    ",
    generate_all,
});
