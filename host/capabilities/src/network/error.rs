//! Why there is no connection.

/// Why there is no connection. A closed list, so that no text of the system reaches a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The manifest does not allow it.
    #[error("the host is not allowed")]
    Denied,
    /// The resolver knows no address.
    #[error("the name has no address")]
    Name,
    /// This host lets nobody connect there.
    #[error("every address is in a blocked network")]
    Blocked,
    /// Nobody listens there.
    #[error("the connection was refused")]
    Refused,
    /// No way leads there.
    #[error("the address cannot be reached")]
    Unreachable,
    /// The other side closed it.
    #[error("the connection ended during its handshake")]
    Terminated,
    /// It took longer than [`CONNECT_MAX`](super::CONNECT_MAX).
    #[error("there was no connection in time")]
    TimedOut,
    /// All places for connections were taken for as long as somebody waited.
    #[error("there is no place for a further connection")]
    Full,
    /// Nobody whom this machine trusts vouches for the other side.
    #[error("the certificate is not trusted")]
    Certificate,
    /// The other side ended the handshake.
    #[error("the other side sent the TLS alert {0}")]
    Alert(u8),
    /// The two sides did not understand each other.
    #[error("the TLS handshake failed")]
    Tls,
}

impl Error {
    /// A short stable word for metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Name => "name",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Terminated => "terminated",
            Self::TimedOut => "timeout",
            Self::Full => "full",
            Self::Certificate => "certificate",
            Self::Alert(_) => "alert",
            Self::Tls => "tls",
        }
    }
}
