//! Generated from the repository's `wit/`. Each version has a world and a module of its own, as all share their names.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

pub(crate) mod first {
    wit_bindgen::generate!({
        path: "../../../wit/fermyon-spin-1-rdbms",
        inline: "
            package probe:first;

            world first {
                import fermyon:spin/mysql;
            }
        ",
        generate_all,
    });
}

pub(crate) mod second {
    wit_bindgen::generate!({
        path: "../../../wit/fermyon-spin-rdbms",
        inline: "
            package probe:second;

            world second {
                import fermyon:spin/mysql@2.0.0;
            }
        ",
        generate_all,
    });
}
