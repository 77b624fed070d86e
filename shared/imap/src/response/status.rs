//! Status responses (RFC 9051 §7.1).

use super::code::Code;
use super::output::Output;
use crate::tag::Tag;

/// How a command went, or how the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// OK: done, or all is well.
    Ok,
    /// NO: it failed.
    No,
    /// BAD: it was not understood.
    Bad,
    /// PREAUTH: a greeting to somebody known.
    Preauth,
    /// BYE: the connection ends.
    Bye,
}

/// A status response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status<'a> {
    /// Of which command; untagged, where None.
    pub tag: Option<&'a Tag>,
    /// How it went.
    pub condition: Condition,
    /// What a client understands of it.
    pub code: Option<Code<'a>>,
    /// What a person does.
    pub text: &'a str,
}

impl<'a> Status<'a> {
    /// An untagged status.
    pub fn untagged(condition: Condition, text: &'a str) -> Self {
        Self {
            tag: None,
            condition,
            code: None,
            text,
        }
    }

    /// The outcome of a command.
    pub fn tagged(tag: &'a Tag, condition: Condition, text: &'a str) -> Self {
        Self {
            tag: Some(tag),
            ..Self::untagged(condition, text)
        }
    }

    /// With a code.
    #[must_use]
    pub fn with(mut self, code: Code<'a>) -> Self {
        self.code = Some(code);
        self
    }

    pub(super) fn write(&self, out: &mut Output) {
        out.word(self.tag.map_or("*", Tag::as_str));
        out.word(match self.condition {
            Condition::Ok => " OK ",
            Condition::No => " NO ",
            Condition::Bad => " BAD ",
            Condition::Preauth => " PREAUTH ",
            Condition::Bye => " BYE ",
        });
        if let Some(code) = &self.code {
            out.word("[");
            code.write(out);
            out.word("] ");
        }
        out.text(self.text);
        out.end();
    }
}
