//! Generated from the repository's `wit/`. Each interface has a world and a module of its own, as two share a name.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

pub(crate) mod fermyon {
    wit_bindgen::generate!({
        path: "../../../wit/fermyon-spin-variables",
        inline: "
            package probe:fermyon;

            world fermyon {
                import fermyon:spin/variables@2.0.0;
            }
        ",
        generate_all,
    });
}

pub(crate) mod draft {
    wit_bindgen::generate!({
        path: "../../../wit/wasi-config-draft",
        inline: "
            package probe:draft;

            world draft {
                import wasi:config/store@0.2.0-draft-2024-09-27;
            }
        ",
        generate_all,
    });
}

pub(crate) mod candidate {
    wit_bindgen::generate!({
        path: "../../../wit/wasi-config-rc",
        inline: "
            package probe:candidate;

            world candidate {
                import wasi:config/store@0.2.0-rc.1;
            }
        ",
        generate_all,
    });
}
