//! Generated from the repository's `wit/spin-key-value`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/spin-key-value",
    inline: "
        package probe:spin;

        world spin {
            import spin:key-value/key-value@3.0.0;
        }
    ",
    generate_all,
});
