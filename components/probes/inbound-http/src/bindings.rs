//! Generated from the repository's `wit/fermyon-spin-inbound-http`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/fermyon-spin-inbound-http",
    inline: "
        package probe:inbound-http;

        world inbound {
            export fermyon:spin/inbound-http;
        }
    ",
    generate_all,
});
