//! Generated from the repository's `wit/wasi-http`: the next handler of the chain. Its types are those of `wasip3`.
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "generated: calls across the component boundary"
)]

wit_bindgen::generate!({
    path: "../../../wit/wasi-http",
    inline: "
        package probe:middleware;

        world middleware {
            import wasi:http/handler@0.3.2;
        }
    ",
    with: {
        "wasi:clocks/types@0.3.2": wasip3::clocks::types,
        "wasi:http/types@0.3.2": wasip3::http::types,
        "wasi:http/handler@0.3.2": generate,
    },
});
