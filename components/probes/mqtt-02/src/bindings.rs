//! Generated from the repository's `wit/fermyon-spin-mqtt`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/fermyon-spin-mqtt",
    inline: "
        package probe:fermyon;

        world fermyon {
            import fermyon:spin/mqtt@2.0.0;
        }
    ",
    generate_all,
});
