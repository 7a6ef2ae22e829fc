//! What the SDK does around every call of a service.

use super::{Method, Request, Response};

/// Calls the service. A `HEAD` is asked as a `GET` and loses the body of its answer, but keeps its length.
pub(crate) async fn respond<H, F>(mut request: Request, handler: H) -> Response
where
    H: FnOnce(Request) -> F,
    F: Future<Output = Response>,
{
    let head_only = *request.method() == Method::Head;
    if head_only {
        request.set_method(Method::Get);
    }
    let response = handler(request).await.with_length();
    if head_only {
        response.without_body()
    } else {
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Call;

    async fn greet(request: Request) -> Response {
        assert_eq!(*request.method(), Method::Get);
        Response::text(200, "hello")
    }

    #[test]
    fn a_known_body_has_its_length() {
        let answer = Call::get("/").send(greet);
        assert_eq!(answer.header("content-length"), Some("5"));
        assert_eq!(answer.text(), "hello");
    }

    #[test]
    fn head_keeps_the_length_and_loses_the_body() {
        let answer = Call::new(Method::Head, "/").send(greet);
        assert_eq!(answer.header("content-length"), Some("5"));
        assert_eq!(answer.text(), "");
    }

    #[test]
    fn a_streamed_body_has_no_length() {
        let answer = Call::get("/").send(|_| async {
            Response::stream(200, |mut writer| async move {
                for chunk in ["a", "b"] {
                    writer.write(chunk.into()).await.expect("the test reads");
                }
            })
        });
        assert_eq!(answer.header("content-length"), None);
        assert_eq!(answer.text(), "ab");
    }

    #[test]
    fn no_content_has_no_length() {
        let answer = Call::get("/").send(|_| async { Response::new(204) });
        assert_eq!(answer.header("content-length"), None);
    }
}
