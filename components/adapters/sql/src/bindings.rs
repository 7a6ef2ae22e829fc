//! Generated from the repository's `wit/`: what is exported, and what that is built on.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: [
        "../../../wit/sql",
        "../../../wit/spin-sqlite-3.0",
        "../../../wit/fermyon-spin-variables",
    ],
    inline: "
        package stoa:adapters;

        world sql {
            import spin:sqlite/sqlite@3.0.0;
            import fermyon:spin/variables@2.0.0;

            export stoa:sql/types@0.1.0;
            export stoa:sql/read@0.1.0;
            export stoa:sql/write@0.1.0;
            export stoa:sql/transactions@0.1.0;
            export stoa:sql/read-async@0.1.0;
            export stoa:sql/write-async@0.1.0;
            export stoa:sql/transactions-async@0.1.0;
        }
    ",
    generate_all,
});
