//! Quotas (RFC 9208).

use super::output::Output;

/// What an account may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota<'a> {
    /// The root's name.
    pub root: &'a str,
    /// Its resources.
    pub resources: &'a [(Resource, u64, u64)],
}

/// What is limited; used and limit stand beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// STORAGE, in units of 1024 octets
    Storage,
    /// MESSAGE: messages
    Message,
}

impl Quota<'_> {
    pub(super) fn write(&self, out: &mut Output) {
        out.word("* QUOTA ");
        out.string(self.root.as_bytes());
        out.word(" ");
        out.list(self.resources, |out, (resource, used, limit)| {
            out.word(match resource {
                Resource::Storage => "STORAGE ",
                Resource::Message => "MESSAGE ",
            });
            out.number(*used);
            out.word(" ");
            out.number(*limit);
        });
        out.end();
    }
}
