//! Generated from the repository's `wit/spin-mysql`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/spin-mysql",
    inline: "
        package probe:mysql;

        world mysql {
            import spin:mysql/mysql@3.0.0;
        }
    ",
    generate_all,
});
