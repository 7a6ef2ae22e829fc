//! Generated from the repository's `wit/documents`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/documents",
    inline: "
        package probe:documents;

        world documents {
            import stoa:documents/read@0.1.0;
            import stoa:documents/write@0.1.0;
        }
    ",
    generate_all,
});
