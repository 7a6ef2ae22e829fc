//! Generated from the repository's `wit/spin-mqtt`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/spin-mqtt",
    inline: "
        package probe:spin;

        world spin {
            import spin:mqtt/mqtt@3.0.0;
        }
    ",
    generate_all,
});
