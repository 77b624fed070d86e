//! ESEARCH (RFC 9051 §7.3.4).

use super::output::Output;
use crate::search::SearchReturn;
use crate::tag::Tag;

/// What a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Esearch<'a> {
    /// Of which command.
    pub tag: &'a Tag,
    /// Whether the numbers are UIDs.
    pub uid: bool,
    /// What was asked for.
    pub returns: SearchReturn,
    /// What was found, rising.
    pub numbers: &'a [u32],
    /// The highest modification sequence of what is told, where one was asked for.
    pub modseq: Option<u64>,
}

impl Esearch<'_> {
    pub(super) fn write(&self, out: &mut Output) {
        out.word("* ESEARCH (TAG ");
        out.string(self.tag.as_str().as_bytes());
        out.word(if self.uid { ") UID" } else { ")" });
        if let (true, Some(first)) = (self.returns.min, self.numbers.first()) {
            out.word(" MIN ");
            out.number(*first);
        }
        if let (true, Some(last)) = (self.returns.max, self.numbers.last()) {
            out.word(" MAX ");
            out.number(*last);
        }
        if self.returns.all && !self.numbers.is_empty() {
            out.word(" ALL ");
            out.numbers(self.numbers);
        }
        if self.returns.count {
            out.word(" COUNT ");
            out.number(self.numbers.len() as u64);
        }
        if let (Some(modseq), false) = (self.modseq, self.numbers.is_empty()) {
            out.word(" MODSEQ ");
            out.number(modseq);
        }
        out.end();
    }
}
