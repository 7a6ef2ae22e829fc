//! Generated from the repository's `wit/spin-redis`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/spin-redis",
    inline: "
        package probe:spin;

        world spin {
            import spin:redis/redis@3.0.0;
        }
    ",
    generate_all,
});
