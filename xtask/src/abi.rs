//! Which `wasi:http` a guest exports.

/// A version of WASI, as far as guests of it are served differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Abi {
    P2,
    P3,
}

impl Abi {
    /// How the names of probes end.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::P2 => "02",
            Self::P3 => "03",
        }
    }
}
