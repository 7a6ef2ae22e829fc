//! Generated from the repository's `wit/blobs`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/blobs",
    inline: "
        package probe:blobs;

        world blobs {
            import stoa:blobs/read@0.1.0;
            import stoa:blobs/write@0.1.0;
            import stoa:blobs/presign@0.1.0;
        }
    ",
    generate_all,
});
