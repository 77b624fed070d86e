//! The ledger on Redis.

/// The files of the library `rohrpost_ledger`, in the order in which they use
/// one another.
pub(super) const FUNCTIONS: &[&str] = &[];
