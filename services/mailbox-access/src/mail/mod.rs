//! Messages as protocols need them: their octets, and what they are made of.
//!
//! Nothing here fails for how a message is written: what makes no sense in it is
//! taken for text.

mod decode;
mod envelope;
mod header;
mod scan;
mod source;
mod structure;
mod summary;

pub(crate) use decode::{Decoder, Encoding, text_of};
pub(crate) use header::header_text;
pub(crate) use source::{SMALL, Source, together};
pub(crate) use summary::{Fields, NodeKind, PartPlace, Summary, summaries, summaries_where};
