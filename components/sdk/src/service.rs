//! The macro that turns a function into a component.

/// Exports `wasi:http/handler` and answers every request by an `async fn(Request) -> Response`.
///
/// On a target other than wasm there is nobody to export to: there it only checks that the function fits.
#[macro_export]
macro_rules! service {
    ($handler:path) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "generated: the exports of the component")]
        const _: () = {
            struct Service;

            impl $crate::wasip3::exports::http::handler::Guest for Service {
                async fn handle(
                    request: $crate::wasip3::http::types::Request,
                ) -> ::core::result::Result<
                    $crate::wasip3::http::types::Response,
                    $crate::wasip3::http::types::ErrorCode,
                > {
                    $crate::http::serve(request, $handler).await
                }
            }

            $crate::wasip3::http::service::export!(Service);
        };

        #[cfg(not(target_family = "wasm"))]
        const _: () = {
            #[allow(dead_code, reason = "it is there to be compiled")]
            async fn fits(request: $crate::http::Request) -> $crate::http::Response {
                $handler(request).await
            }
        };
    };
}
