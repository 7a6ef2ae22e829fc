//! Generated from the repository's `wit/`: what is exported, and what that is built on.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: ["../../../wit/keyvalue", "../../../wit/wasi-keyvalue-draft2"],
    inline: "
        package stoa:adapters;

        world keyvalue {
            import wasi:keyvalue/store@0.2.0-draft2;
            import wasi:keyvalue/atomics@0.2.0-draft2;

            export stoa:keyvalue/types@0.1.0;
            export stoa:keyvalue/read@0.1.0;
            export stoa:keyvalue/write@0.1.0;
            export stoa:keyvalue/read-async@0.1.0;
            export stoa:keyvalue/write-async@0.1.0;
        }
    ",
    generate_all,
});
