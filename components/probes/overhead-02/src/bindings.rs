//! Generated from the repository's `wit/`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: [
        "../../../wit/blobs",
        "../../../wit/documents",
        "../../../wit/fermyon-spin-variables",
        "../../../wit/identity",
        "../../../wit/keyvalue",
        "../../../wit/sql",
    ],
    inline: "
        package probe:overhead;

        world overhead {
            import fermyon:spin/variables@2.0.0;
            import stoa:blobs/read@0.1.0;
            import stoa:documents/read@0.1.0;
            import stoa:identity/verify@0.1.0;
            import stoa:keyvalue/read@0.1.0;
            import stoa:sql/read@0.1.0;
        }
    ",
    generate_all,
});
