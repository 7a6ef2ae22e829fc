//! Generated from the repository's `wit/`. Each draft has a world and a module of its own, as both share their names.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

pub(crate) mod draft {
    wit_bindgen::generate!({
        path: "../../../wit/wasi-keyvalue-draft",
        inline: "
            package probe:draft;

            world draft {
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/batch@0.2.0-draft;
            }
        ",
        generate_all,
    });
}

pub(crate) mod draft2 {
    wit_bindgen::generate!({
        path: "../../../wit/wasi-keyvalue-draft2",
        inline: "
            package probe:draft2;

            world draft2 {
                import wasi:keyvalue/store@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
            }
        ",
        generate_all,
    });
}
