//! Generated from the repository's `wit/`. Each interface has a world and a module of its own, as they share a name.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

pub(crate) mod second {
    wit_bindgen::generate!({
        path: "../../../wit/fermyon-spin-llm",
        inline: "
            package probe:second;

            world second {
                import fermyon:spin/llm@2.0.0;
            }
        ",
        generate_all,
    });
}

pub(crate) mod first {
    wit_bindgen::generate!({
        path: "../../../wit/fermyon-spin-1-llm",
        inline: "
            package probe:first;

            world first {
                import fermyon:spin/llm;
            }
        ",
        generate_all,
    });
}
