//! IMAP4rev2 (RFC 9051) and IMAP4rev1 (RFC 3501) as a library without I/O:
//! octets of a client become commands, answers become octets.
//!
//! A [`Framer`] cuts the stream into commands with their literals, within
//! [`Limits`]; [`Tagged::parse`] reads one. A message of APPEND never passes
//! through memory: the framer hands it out in pieces. Answers are values of
//! [`response`] that write themselves into a buffer.
//!
//! What is malformed comes back as an error with a text for the client, and the
//! framer is at the start of the next command then, whatever was sent.

pub mod command;
mod cursor;
mod date;
mod fetch;
mod flag;
pub mod framer;
mod list;
mod mailbox_name;
pub mod response;
mod search;
mod sequence_set;
mod sort;
mod status_item;
mod tag;
mod utf7;

pub use command::{Command, CommandError, Malformed, Tagged};
pub use date::format_internal_date;
pub use fetch::{Fetch, FetchItem, FetchModifiers, Part, Partial, Section, SectionText};
pub use flag::{Flag, Keyword};
pub use framer::{Event, Framer, Limits};
pub use list::{List, ListReturn, ListSelection, SpecialUse};
pub use mailbox_name::{MailboxName, NameEncoding, Pattern};
pub use search::{Charset, Search, SearchKey, SearchReturn};
pub use sequence_set::{Bound, Messages, SequenceSet, SetError, write_numbers};
pub use sort::{Sort, SortCriterion, SortKey, Thread, ThreadAlgorithm};
pub use status_item::StatusItem;
pub use tag::Tag;
