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
                import fermyon:spin/postgres;
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
                import fermyon:spin/postgres@2.0.0;
            }
        ",
        generate_all,
    });
}

pub(crate) mod third {
    wit_bindgen::generate!({
        path: "../../../wit/spin-postgres-3.0",
        inline: "
            package probe:third;

            world third {
                import spin:postgres/postgres@3.0.0;
            }
        ",
        generate_all,
    });
}

pub(crate) mod fourth {
    wit_bindgen::generate!({
        path: "../../../wit/spin-postgres-4.0",
        inline: "
            package probe:fourth;

            world fourth {
                import spin:postgres/postgres@4.0.0;
            }
        ",
        generate_all,
    });
}

pub(crate) mod built {
    wit_bindgen::generate!({
        path: "../../../wit/spin-postgres-4.1",
        inline: "
            package probe:built;

            world built {
                import spin:postgres/postgres@4.1.0;
            }
        ",
        generate_all,
    });
}
