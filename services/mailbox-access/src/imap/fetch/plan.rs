//! What a FETCH needs to be answered, so that nothing else is read.

use imap::{Fetch, FetchItem, Section, SectionText};

/// What a FETCH needs to be answered.
pub(super) struct Plan {
    pub(super) items: Vec<FetchItem>,
    pub(super) uid: bool,
    /// What changes of a message is all that is asked for.
    pub(super) states_only: bool,
    pub(super) summary: bool,
    /// The message's header, which its summary holds if it is not long.
    pub(super) header: bool,
    pub(super) octets: bool,
    /// What is read becomes `\Seen`.
    pub(super) marks_seen: bool,
}

impl Plan {
    pub(super) fn of(fetch: &Fetch, read_only: bool) -> Self {
        let mut items = fetch.items.clone();
        if fetch.modifiers.changed_since.is_some() && !items.contains(&FetchItem::Modseq) {
            items.push(FetchItem::Modseq);
        }
        let mut plan = Self {
            uid: fetch.uid || items.contains(&FetchItem::Uid),
            states_only: true,
            summary: false,
            header: false,
            octets: false,
            marks_seen: false,
            items: Vec::new(),
        };
        for item in &items {
            plan.add(item);
        }
        plan.marks_seen &= !read_only;
        plan.items = items;
        plan
    }

    fn add(&mut self, item: &FetchItem) {
        match item {
            FetchItem::Uid | FetchItem::Flags | FetchItem::Modseq => return,
            FetchItem::InternalDate
            | FetchItem::Rfc822Size
            | FetchItem::EmailId
            | FetchItem::ThreadId
            | FetchItem::SaveDate => {}
            FetchItem::Body | FetchItem::BodyStructure | FetchItem::Envelope => {
                self.summary = true;
            }
            FetchItem::Rfc822Header => self.header = true,
            FetchItem::Rfc822 | FetchItem::Rfc822Text => {
                self.octets = true;
                self.marks_seen = true;
            }
            FetchItem::Section { peek, section, .. } => {
                self.marks_seen |= !peek;
                match is_header(section) {
                    true => self.header = true,
                    false => {
                        self.octets = true;
                        self.summary |= !section.part.0.is_empty();
                    }
                }
            }
            FetchItem::Binary { peek, .. } => {
                self.octets = true;
                self.marks_seen |= !peek;
                self.summary = true;
            }
            FetchItem::BinarySize(_) => {
                self.octets = true;
                self.summary = true;
            }
        }
        self.states_only = false;
    }
}

/// Whether it is of the message's own header.
fn is_header(section: &Section) -> bool {
    let of_header = match &section.text {
        Some(SectionText::Header | SectionText::Fields(_) | SectionText::FieldsNot(_)) => true,
        Some(SectionText::Text | SectionText::Mime) | None => false,
    };
    of_header && section.part.0.is_empty()
}
