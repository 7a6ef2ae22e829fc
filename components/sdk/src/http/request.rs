//! A request: what was asked, decoded as far as it is safe to.

use super::{Body, Method};

/// A request.
pub struct Request {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, Vec<u8>)>,
    body: Body,
}

impl Request {
    pub(crate) fn new(
        method: Method,
        target: &str,
        headers: Vec<(String, Vec<u8>)>,
        body: Body,
    ) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.to_owned();
        let query = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        Self {
            method,
            path,
            query,
            headers,
            body,
        }
    }

    /// The method. A `HEAD` arrives as `GET`: the SDK sends the head of its answer and leaves out the body.
    pub fn method(&self) -> &Method {
        &self.method
    }

    pub(crate) fn set_method(&mut self, method: Method) {
        self.method = method;
    }

    /// The path as it was sent: not decoded, because `%2F` within a segment is no slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The decoded query, in the order it was sent.
    pub fn query(&self) -> &[(String, String)] {
        &self.query
    }

    /// The decoded value of the first query parameter of this name.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of the first header of this name, in any case; `None` also where it is not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// The values of all headers of this name, in any case, without those that are not UTF-8.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Whether there is a header of this name, in any case. A condition that cannot be read is still a condition.
    pub fn has_header(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(key, _)| key.eq_ignore_ascii_case(name))
    }

    /// Takes the body out. Asked again, it gives an empty one.
    pub fn body(&mut self) -> Body {
        std::mem::take(&mut self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str) -> Request {
        let headers = vec![
            ("If-Match".to_owned(), b"\"1\"".to_vec()),
            ("x-blob".to_owned(), vec![0xff]),
        ];
        Request::new(Method::Get, target, headers, Body::default())
    }

    #[test]
    fn the_path_is_not_decoded() {
        assert_eq!(request("/a%2Fb?c").path(), "/a%2Fb");
    }

    #[test]
    fn the_query_is_decoded() {
        let request = request("/?q=caf%C3%A9+au+lait&q=2&empty");
        assert_eq!(request.query_value("q"), Some("café au lait"));
        assert_eq!(request.query_value("empty"), Some(""));
        assert_eq!(request.query_value("absent"), None);
        assert_eq!(request.query().len(), 3);
    }

    #[test]
    fn headers_are_found_in_any_case() {
        assert_eq!(request("/").header("if-match"), Some("\"1\""));
    }

    #[test]
    fn a_header_that_is_no_text_is_not_shown() {
        assert_eq!(request("/").header("x-blob"), None);
    }

    #[test]
    fn a_header_that_is_no_text_is_there() {
        assert!(request("/").has_header("X-Blob"));
        assert!(!request("/").has_header("x-other"));
    }
}
