//! Generated from the repository's `wit/`. Each interface has a world and a module of its own, as two share a name.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

pub(crate) mod keyvalue2 {
    wit_bindgen::generate!({
        path: "../../../wit/fermyon-spin-key-value",
        inline: "
            package probe:keyvalue-second;

            world keyvalue-second {
                import fermyon:spin/key-value@2.0.0;
            }
        ",
        generate_all,
    });
}

pub(crate) mod keyvalue1 {
    wit_bindgen::generate!({
        path: "../../../wit/fermyon-spin-1-key-value",
        inline: "
            package probe:keyvalue-first;

            world keyvalue-first {
                import fermyon:spin/key-value;
            }
        ",
        generate_all,
    });
}

pub(crate) mod sqlite1 {
    wit_bindgen::generate!({
        path: "../../../wit/fermyon-spin-1-sqlite",
        inline: "
            package probe:sqlite-first;

            world sqlite-first {
                import fermyon:spin/sqlite;
            }
        ",
        generate_all,
    });
}

pub(crate) mod config1 {
    wit_bindgen::generate!({
        path: "../../../wit/fermyon-spin-1-config",
        inline: "
            package probe:config-first;

            world config-first {
                import fermyon:spin/config;
            }
        ",
        generate_all,
    });
}

pub(crate) mod http1 {
    wit_bindgen::generate!({
        path: "../../../wit/fermyon-spin-1-http",
        inline: "
            package probe:http-first;

            world http-first {
                import fermyon:spin/http;
            }
        ",
        generate_all,
    });
}
