//! Generated from the repository's `wit/blobs`: its streams, which the SDK does not use.
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
            import stoa:blobs/read-async@0.1.0;
            import stoa:blobs/write-async@0.1.0;
        }
    ",
    generate_all,
});
