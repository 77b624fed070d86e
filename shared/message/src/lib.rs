//! The words of Rohrpost as types: what RFC 5598 and the mail protocols call a
//! message, its envelope, a recipient, and what our own pipeline adds to them
//! (a job, its key, an outcome).
//!
//! Everything here is a value: parsed once at the edge, valid from then on, and
//! free of I/O. Times and random octets come from the [`time`] traits, which a
//! process injects.

pub mod address;
pub mod dsn;
pub mod envelope;
pub mod id;
pub mod job;
pub mod outcome;
pub mod secret;
pub mod srs;
pub mod status;
pub mod time;
pub mod trace;

pub use address::{Address, AddressError, Domain, LocalPart, ReversePath};
pub use dsn::{EnvelopeId, Notify, OriginalRecipient, Ret};
pub use envelope::{Body, Envelope, Protocol, Recipient, Transaction};
pub use id::{AccountId, ContentId, MessageId};
pub use job::{Destination, Job, JobKey, Part, Topic};
pub use outcome::{Diagnostic, NoticeKind, Outcome, Verdict};
pub use secret::Secret;
pub use status::EnhancedStatus;
pub use time::{Clock, Randomness, Timestamp};
pub use trace::TraceContext;

/// Gives a type that has `Display` and `FromStr` a JSON form: that same string.
macro_rules! serde_as_string {
    ($($name:ty),+) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
pub(crate) use serde_as_string;
