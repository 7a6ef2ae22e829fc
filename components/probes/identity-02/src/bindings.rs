//! Generated from the repository's `wit/identity`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/identity",
    inline: "
        package probe:identity;

        world identity {
            import stoa:identity/passwords@0.1.0;
            import stoa:identity/tokens@0.1.0;
            import stoa:identity/verify@0.1.0;
        }
    ",
    generate_all,
});
