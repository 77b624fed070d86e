//! What a FETCH needs to be answered, so that nothing else is read.

use imap::{Fetch, FetchItem};

/// What a FETCH needs to be answered.
pub(super) struct Plan {
    pub(super) items: Vec<FetchItem>,
    pub(super) uid: bool,
    /// What changes of a message is all that is asked for.
    pub(super) states_only: bool,
    pub(super) summary: bool,
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
            FetchItem::Rfc822Header => self.octets = true,
            FetchItem::Rfc822 | FetchItem::Rfc822Text => {
                self.octets = true;
                self.marks_seen = true;
            }
            FetchItem::Section { peek, section, .. } => {
                self.octets = true;
                self.marks_seen |= !peek;
                self.summary |= !section.part.0.is_empty();
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
