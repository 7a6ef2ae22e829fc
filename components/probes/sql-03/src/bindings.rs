//! Generated from the repository's `wit/spin-sqlite`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/spin-sqlite",
    inline: "
        package probe:sql;

        world sql {
            import spin:sqlite/sqlite@3.1.0;
        }
    ",
    generate_all,
});
