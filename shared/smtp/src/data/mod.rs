//! The octets behind DATA (RFC 5321 §4.1.1.4), as the server takes them apart.
//!
//! There is one end of data, CRLF `.` CRLF, and one end of line, CRLF. Whatever
//! another server might take for either is refused, so that nobody smuggles a
//! second message through us.

mod decoder;
mod headers;

pub use decoder::{Decoded, Decoder, Fault, Summary};
