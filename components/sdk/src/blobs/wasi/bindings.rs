//! Generated from `wit/blobs`, the one place where the interface is written down.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../wit/blobs",
    inline: "
        package stoa:sdk;

        world blobs {
            import stoa:blobs/read-async@0.1.0;
            import stoa:blobs/write-async@0.1.0;
            import stoa:blobs/presign@0.1.0;
        }
    ",
    generate_all,
});
