//! Generated from the repository's `wit/`. Each interface has a world and a module of its own, as two share a name.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

pub(crate) mod second {
    wit_bindgen::generate!({
        path: "../../../wit/fermyon-spin-redis",
        inline: "
            package probe:second;

            world second {
                import fermyon:spin/redis@2.0.0;
            }
        ",
        generate_all,
    });
}

pub(crate) mod first {
    wit_bindgen::generate!({
        path: "../../../wit/fermyon-spin-1-redis",
        inline: "
            package probe:first;

            world first {
                import fermyon:spin/redis;
            }
        ",
        generate_all,
    });
}
