//! What "acknowledged" promises.

/// The event that acknowledged writes survive. Every store states its class, and documentation promises no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Survives the end of the host process, `kill -9` included. After a power cut the store is consistent, but the
    /// last seconds may be missing. The default of embedded stores.
    #[default]
    Process,
    /// Survives the loss of power: synced to the disk before it is acknowledged.
    Power,
}

impl Durability {
    /// The words of the configuration, with what they mean.
    pub const NAMES: [(&'static str, Self); 2] =
        [("process", Self::Process), ("power", Self::Power)];
}
