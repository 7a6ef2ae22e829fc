//! Generated from the repository's `wit/keyvalue`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/keyvalue",
    inline: "
        package probe:dependent;

        world dependent {
            import stoa:keyvalue/read@0.1.0;
            import stoa:keyvalue/write@0.1.0;
        }
    ",
    generate_all,
});
