//! The octets of content as the server takes them in: behind DATA
//! (RFC 5321 §4.1.1.4) or in chunks (RFC 3030).
//!
//! There is one end of data, CRLF `.` CRLF, and one end of line, CRLF. Whatever
//! another server might take for either is refused, so that nobody smuggles a
//! second message through us; in chunks too, which we may pass on by DATA.

mod chunks;
mod decoder;
mod headers;
mod scrutiny;

pub use chunks::ChunkDecoder;
pub use decoder::{Decoded, Decoder};
pub use scrutiny::{Fault, Summary};
