//! Commands as a client writes them: literals do not wait (LITERAL+).

use super::{Command, Qresync, Select, Store, Tagged, Transfer};
use crate::cursor::is_astring_char;
use crate::fetch::{Fetch, FetchItem, Partial, Section, SectionText};
use crate::flag::Flag;
use crate::list::List;
use crate::mailbox_name::{MailboxName, NameEncoding, Pattern};
use crate::response::{is_quotable, quote};

mod search;

impl Tagged {
    /// Writes the command and its line end.
    pub fn write(&self, out: &mut Vec<u8>, names: NameEncoding) {
        let mut line = Line { out, names };
        line.word(self.tag.as_str());
        line.word(" ");
        line.command(&self.command);
        line.word("\r\n");
    }
}

/// Where a command is written.
struct Line<'a> {
    out: &'a mut Vec<u8>,
    names: NameEncoding,
}

impl Line<'_> {
    fn word(&mut self, word: &str) {
        self.out.extend_from_slice(word.as_bytes());
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Capability => self.word("CAPABILITY"),
            Command::Noop => self.word("NOOP"),
            Command::Logout => self.word("LOGOUT"),
            Command::StartTls => self.word("STARTTLS"),
            Command::Authenticate { mechanism, initial } => {
                self.word("AUTHENTICATE ");
                self.word(mechanism);
                if let Some(initial) = initial {
                    self.word(" ");
                    self.word(initial.expose());
                }
            }
            Command::Login { user, password } => {
                self.word("LOGIN ");
                self.astring(user);
                self.word(" ");
                self.astring(password.expose());
            }
            Command::Id(fields) => self.id(fields),
            Command::Enable(extensions) => {
                self.word("ENABLE");
                for extension in extensions {
                    self.word(" ");
                    self.word(match extension {
                        super::Extension::Other(name) => name,
                        known => known.name().unwrap_or_default(),
                    });
                }
            }
            Command::Select(select) => self.select("SELECT ", select),
            Command::Examine(select) => self.select("EXAMINE ", select),
            Command::Create { .. } => self.create(command),
            Command::Delete(mailbox) => self.named("DELETE ", mailbox),
            Command::Rename { from, to } => {
                self.named("RENAME ", from);
                self.named(" ", to);
            }
            Command::Subscribe(mailbox) => self.named("SUBSCRIBE ", mailbox),
            Command::Unsubscribe(mailbox) => self.named("UNSUBSCRIBE ", mailbox),
            Command::List(list) => self.list(list),
            Command::Lsub { reference, pattern } => {
                self.word("LSUB ");
                self.pattern(reference);
                self.word(" ");
                self.pattern(pattern);
            }
            Command::Namespace => self.word("NAMESPACE"),
            Command::Status { mailbox, items } => {
                self.named("STATUS ", mailbox);
                self.word(" ");
                self.spaced(items, |line, item| line.word(item.name()));
            }
            Command::Idle => self.word("IDLE"),
            Command::Check => self.word("CHECK"),
            Command::Close => self.word("CLOSE"),
            Command::Unselect => self.word("UNSELECT"),
            Command::Expunge => self.word("EXPUNGE"),
            Command::UidExpunge(messages) => self.word(&format!("UID EXPUNGE {messages}")),
            Command::Search(search) => self.search(search),
            Command::Sort(sort) => self.sort(sort),
            Command::Thread(thread) => self.thread(thread),
            Command::Fetch(fetch) => self.fetch(fetch),
            Command::Store(store) => self.store(store),
            Command::Copy(transfer) => self.transfer("COPY ", transfer),
            Command::Move(transfer) => self.transfer("MOVE ", transfer),
            Command::GetQuota(root) => {
                self.word("GETQUOTA ");
                self.astring(root);
            }
            Command::GetQuotaRoot(mailbox) => self.named("GETQUOTAROOT ", mailbox),
            Command::SetQuota { root, limits } => {
                self.word("SETQUOTA ");
                self.astring(root);
                self.word(" ");
                self.spaced(limits, |line, (resource, limit)| {
                    line.word(&format!("{resource} {limit}"));
                });
            }
            Command::Compress => self.word("COMPRESS DEFLATE"),
        }
    }

    fn id(&mut self, fields: &[(String, Option<String>)]) {
        self.word("ID ");
        self.spaced(fields, |line, (name, value)| {
            line.string(name.as_bytes());
            line.word(" ");
            match value {
                Some(value) => line.string(value.as_bytes()),
                None => line.word("NIL"),
            }
        });
    }

    fn select(&mut self, name: &str, select: &Select) {
        self.named(name, &select.mailbox);
        let mut parameters = Vec::new();
        if select.condstore {
            parameters.push("CONDSTORE".to_owned());
        }
        if let Some(qresync) = &select.qresync {
            parameters.push(format!("QRESYNC ({})", print_qresync(qresync)));
        }
        if !parameters.is_empty() {
            self.word(&format!(" ({})", parameters.join(" ")));
        }
    }

    fn create(&mut self, command: &Command) {
        let Command::Create {
            mailbox,
            uses,
            unknown_use,
        } = command
        else {
            return;
        };
        self.named("CREATE ", mailbox);
        let mut words: Vec<_> = uses.iter().map(|using| using.attribute()).collect();
        words.extend(unknown_use.then_some(r"\Unknown"));
        if !words.is_empty() {
            self.word(&format!(" (USE ({}))", words.join(" ")));
        }
    }

    fn list(&mut self, list: &List) {
        self.word("LIST ");
        if list.selection != Default::default() {
            self.word(&format!("{} ", list.selection));
        }
        self.pattern(&list.reference);
        self.word(" ");
        match list.patterns.as_slice() {
            [only] if !list.several => self.pattern(only),
            patterns => self.spaced(patterns, |line, pattern| line.pattern(pattern)),
        }
        if let Some(returns) = &list.returns {
            self.word(&format!(" RETURN {returns}"));
        }
    }

    fn fetch(&mut self, fetch: &Fetch) {
        self.word(if fetch.uid { "UID FETCH " } else { "FETCH " });
        self.word(&format!("{} ", fetch.messages));
        self.spaced(&fetch.items, Self::fetch_item);
        let mut modifiers = Vec::new();
        if let Some(modseq) = fetch.modifiers.changed_since {
            modifiers.push(format!("CHANGEDSINCE {modseq}"));
        }
        if fetch.modifiers.vanished {
            modifiers.push("VANISHED".to_owned());
        }
        if !modifiers.is_empty() {
            self.word(&format!(" ({})", modifiers.join(" ")));
        }
    }

    fn fetch_item(&mut self, item: &FetchItem) {
        match item {
            FetchItem::Body => self.word("BODY"),
            FetchItem::BodyStructure => self.word("BODYSTRUCTURE"),
            FetchItem::Envelope => self.word("ENVELOPE"),
            FetchItem::Flags => self.word("FLAGS"),
            FetchItem::InternalDate => self.word("INTERNALDATE"),
            FetchItem::Rfc822Size => self.word("RFC822.SIZE"),
            FetchItem::Uid => self.word("UID"),
            FetchItem::Modseq => self.word("MODSEQ"),
            FetchItem::EmailId => self.word("EMAILID"),
            FetchItem::ThreadId => self.word("THREADID"),
            FetchItem::SaveDate => self.word("SAVEDATE"),
            FetchItem::Rfc822 => self.word("RFC822"),
            FetchItem::Rfc822Header => self.word("RFC822.HEADER"),
            FetchItem::Rfc822Text => self.word("RFC822.TEXT"),
            FetchItem::Section {
                peek,
                section,
                partial,
            } => {
                self.word(if *peek { "BODY.PEEK[" } else { "BODY[" });
                self.section(section);
                self.partial(*partial);
            }
            FetchItem::Binary {
                peek,
                part,
                partial,
            } => {
                self.word(if *peek { "BINARY.PEEK[" } else { "BINARY[" });
                self.word(&part.to_string());
                self.partial(*partial);
            }
            FetchItem::BinarySize(part) => self.word(&format!("BINARY.SIZE[{part}]")),
        }
    }

    fn section(&mut self, section: &Section) {
        self.word(&section.part.to_string());
        let Some(text) = &section.text else {
            return;
        };
        self.word(if section.part.0.is_empty() { "" } else { "." });
        match text {
            SectionText::Header => self.word("HEADER"),
            SectionText::Text => self.word("TEXT"),
            SectionText::Mime => self.word("MIME"),
            SectionText::Fields(fields) => {
                self.word("HEADER.FIELDS ");
                self.spaced(fields, |line, field| line.astring(field));
            }
            SectionText::FieldsNot(fields) => {
                self.word("HEADER.FIELDS.NOT ");
                self.spaced(fields, |line, field| line.astring(field));
            }
        }
    }

    fn partial(&mut self, partial: Option<Partial>) {
        self.word("]");
        if let Some(partial) = partial {
            self.word(&partial.to_string());
        }
    }

    fn store(&mut self, store: &Store) {
        self.word(if store.uid { "UID STORE " } else { "STORE " });
        self.word(&format!("{} ", store.messages));
        if let Some(modseq) = store.unchanged_since {
            self.word(&format!("(UNCHANGEDSINCE {modseq}) "));
        }
        self.word(store.mode.sign());
        self.word(if store.silent {
            "FLAGS.SILENT "
        } else {
            "FLAGS "
        });
        let flags = store.flags.iter().map(Flag::to_string);
        self.spaced(flags, |line, flag| line.word(&flag));
    }

    fn transfer(&mut self, name: &str, transfer: &Transfer) {
        self.word(if transfer.uid { "UID " } else { "" });
        self.word(&format!("{name}{} ", transfer.messages));
        self.named("", &transfer.mailbox);
    }

    fn named(&mut self, name: &str, mailbox: &MailboxName) {
        self.word(name);
        let wire = mailbox.encode(self.names);
        self.astring(&wire);
    }

    fn pattern(&mut self, pattern: &Pattern) {
        let wire = pattern.encode(self.names);
        self.string(wire.as_bytes());
    }

    fn astring(&mut self, text: &str) {
        match !text.is_empty() && text.bytes().all(is_astring_char) {
            true => self.word(text),
            false => self.string(text.as_bytes()),
        }
    }

    fn string(&mut self, octets: &[u8]) {
        if is_quotable(octets, self.names == NameEncoding::Utf8) {
            return quote(self.out, octets);
        }
        self.word(&format!("{{{}+}}\r\n", octets.len()));
        self.out.extend_from_slice(octets);
    }

    /// `( … )` with single spaces between.
    fn spaced<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.word("(");
        for (at, item) in items.into_iter().enumerate() {
            self.word(if at == 0 { "" } else { " " });
            write(self, item);
        }
        self.word(")");
    }
}

fn print_qresync(qresync: &Qresync) -> String {
    let mut words = vec![qresync.uid_validity.to_string(), qresync.modseq.to_string()];
    words.extend(qresync.known_uids.iter().map(ToString::to_string));
    let matches = qresync.matches.iter();
    words.extend(matches.map(|(numbers, uids)| format!("({numbers} {uids})")));
    words.join(" ")
}
