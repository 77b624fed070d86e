//! Writing answers.

use super::{Output, Response};
use crate::command::Extension;
use crate::flag::Flag;

impl Response<'_> {
    /// Writes the answer and its line end.
    pub fn write(&self, out: &mut Output) {
        match *self {
            Self::Status(ref status) => status.write(out),
            Self::Continue(text) => {
                out.word("+ ");
                out.text(text);
                out.end();
            }
            Self::Capability(names) => {
                out.word("* CAPABILITY");
                out.spaced(names, |out, name| out.word(name));
                out.end();
            }
            Self::Enabled(extensions) => {
                out.word("* ENABLED");
                let known = extensions.iter().filter_map(Extension::name);
                out.spaced(known, |out, name| out.word(name));
                out.end();
            }
            Self::Flags(flags) => {
                out.word("* FLAGS ");
                let flags = flags.iter().map(Flag::to_string);
                out.list(flags, |out, flag| out.word(&flag));
                out.end();
            }
            Self::Exists(count) => counted(out, count, "EXISTS"),
            Self::Recent(count) => counted(out, count, "RECENT"),
            Self::Expunge(number) => counted(out, number, "EXPUNGE"),
            Self::Vanished { earlier, uids } => {
                out.word(if earlier {
                    "* VANISHED (EARLIER) "
                } else {
                    "* VANISHED "
                });
                out.numbers(uids);
                out.end();
            }
            Self::VanishedRanges(ranges) => {
                out.word("* VANISHED (EARLIER) ");
                out.word(&ranges.to_string());
                out.end();
            }
            Self::List(line) => line.write(out, "LIST"),
            Self::Lsub(line) => line.write(out, "LSUB"),
            Self::MailboxStatus(status) => status.write(out),
            Self::Namespace => {
                out.word("* NAMESPACE ((\"\" \"/\")) NIL NIL");
                out.end();
            }
            Self::Id(fields) => {
                out.word("* ID ");
                out.list(fields, |out, (name, value)| {
                    out.string(name.as_bytes());
                    out.word(" ");
                    out.string(value.as_bytes());
                });
                out.end();
            }
            Self::Search { numbers, modseq } => write_search(out, numbers, modseq),
            Self::Esearch(search) => search.write(out),
            Self::Sort(numbers) => {
                out.word("* SORT");
                out.spaced(numbers, |out, number| out.number(*number));
                out.end();
            }
            Self::Thread(threads) => threads.write(out),
            Self::Quota(quota) => quota.write(out),
            Self::QuotaRoot { mailbox, root } => {
                out.word("* QUOTAROOT ");
                out.mailbox(mailbox);
                out.word(" ");
                out.string(root.as_bytes());
                out.end();
            }
        }
    }
}

fn counted(out: &mut Output, number: u32, word: &str) {
    out.word("* ");
    out.number(number);
    out.word(" ");
    out.word(word);
    out.end();
}

fn write_search(out: &mut Output, numbers: &[u32], modseq: Option<u64>) {
    out.word("* SEARCH");
    out.spaced(numbers, |out, number| out.number(*number));
    if let (Some(modseq), false) = (modseq, numbers.is_empty()) {
        out.word(" (MODSEQ ");
        out.number(modseq);
        out.word(")");
    }
    out.end();
}
