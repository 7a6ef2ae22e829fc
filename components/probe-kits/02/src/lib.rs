//! What the probes of WASI 0.2 share: a call is a query, an answer is text or bytes.
#![cfg(target_family = "wasm")]

mod answer;
mod call;

pub use answer::{Answer, line};
pub use call::Call;
#[doc(hidden)]
pub use wasip2;

/// Exports a probe: a function from a call to an answer. Both sides of its result are answers: a refusal is one too.
#[macro_export]
macro_rules! probe {
    ($answer:path) => {
        struct Probe;

        #[allow(unsafe_code, reason = "generated: the exports of the component")]
        const _: () = {
            use $crate::wasip2;
            wasip2::http::proxy::export!(Probe);
        };

        impl $crate::wasip2::exports::http::incoming_handler::Guest for Probe {
            fn handle(
                request: $crate::wasip2::http::types::IncomingRequest,
                out: $crate::wasip2::http::types::ResponseOutparam,
            ) {
                let call = $crate::Call::of(&request.path_with_query().unwrap_or_default());
                $answer(&call).unwrap_or_else(|refusal| refusal).send(out);
            }
        }
    };
}
