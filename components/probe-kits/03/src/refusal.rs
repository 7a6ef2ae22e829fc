//! An answer that says no.

use stoa_sdk::http::Response;

/// An answer that says no.
pub struct Refusal {
    status: u16,
    message: String,
}

impl Refusal {
    /// The probe does not understand the request.
    pub fn bad(message: String) -> Self {
        Self {
            status: 400,
            message,
        }
    }

    /// The store says that there is no right to this.
    pub fn forbidden(variant: &str, message: &str) -> Self {
        Self {
            status: 403,
            message: format!("{variant}: {message}"),
        }
    }

    /// The store says anything else.
    pub fn failed(variant: &str, message: &str) -> Self {
        Self {
            status: 500,
            message: format!("{variant}: {message}"),
        }
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        Self::text(refusal.status, refusal.message)
    }
}
