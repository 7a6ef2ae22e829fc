//! Generated from the repository's `wit/spin-redis-inbound`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/spin-redis-inbound",
    inline: "
        package probe:inbound;

        world inbound {
            export spin:redis/inbound-redis@3.0.0;
        }
    ",
    generate_all,
});
