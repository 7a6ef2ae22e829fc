//! Generated from the repository's `wit/`: what is exported, and what that is built on.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: ["../../../wit/identity", "../../../wit/fermyon-spin-variables"],
    inline: "
        package stoa:adapters;

        world identity {
            import fermyon:spin/variables@2.0.0;

            export stoa:identity/types@0.1.0;
            export stoa:identity/passwords@0.1.0;
            export stoa:identity/tokens@0.1.0;
            export stoa:identity/verify@0.1.0;
            export stoa:identity/passwords-async@0.1.0;
            export stoa:identity/tokens-async@0.1.0;
        }
    ",
    generate_all,
});
