//! Generated from the repository's `wit/`. Each draft has a world and a module of its own, as both share their names.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

pub(crate) mod october {
    wit_bindgen::generate!({
        path: "../../../wit/wasi-2023-10-18",
        inline: "
            package probe:october;

            world october {
                import wasi:sockets/instance-network@0.2.0-rc-2023-10-18;
                import wasi:sockets/ip-name-lookup@0.2.0-rc-2023-10-18;
            }
        ",
        world: "probe:october/october",
        generate_all,
    });
}

pub(crate) mod november {
    wit_bindgen::generate!({
        path: "../../../wit/wasi-2023-11-10",
        inline: "
            package probe:november;

            world november {
                import wasi:sockets/instance-network@0.2.0-rc-2023-11-10;
                import wasi:sockets/udp-create-socket@0.2.0-rc-2023-11-10;
                import wasi:sockets/udp@0.2.0-rc-2023-11-10;
            }
        ",
        world: "probe:november/november",
        generate_all,
    });
}
