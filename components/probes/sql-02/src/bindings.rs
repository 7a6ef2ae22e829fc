//! Generated from the repository's `wit/`. Each contract has a world and a module of its own.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

pub(crate) mod ours {
    wit_bindgen::generate!({
        path: "../../../wit/sql",
        inline: "
            package probe:ours;

            world ours {
                import stoa:sql/read@0.1.0;
                import stoa:sql/write@0.1.0;
                import stoa:sql/transactions@0.1.0;
            }
        ",
        generate_all,
    });
}

pub(crate) mod spin {
    wit_bindgen::generate!({
        path: "../../../wit/spin-sqlite-3.0",
        inline: "
            package probe:spin;

            world spin {
                import spin:sqlite/sqlite@3.0.0;
            }
        ",
        generate_all,
    });
}

pub(crate) mod fermyon {
    wit_bindgen::generate!({
        path: "../../../wit/fermyon-spin-sqlite",
        inline: "
            package probe:fermyon;

            world fermyon {
                import fermyon:spin/sqlite@2.0.0;
            }
        ",
        generate_all,
    });
}
