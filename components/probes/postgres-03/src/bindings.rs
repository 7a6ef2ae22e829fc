//! Generated from the repository's `wit/spin-postgres`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/spin-postgres",
    inline: "
        package probe:postgres;

        world postgres {
            import spin:postgres/postgres@4.2.0;
        }
    ",
    generate_all,
});
