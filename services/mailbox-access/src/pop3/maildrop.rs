//! The messages of an inbox as a session found them when it began
//! (RFC 1939 §8: what comes later is seen by the next).

use store::mailbox::Measure;

/// What a session works on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Maildrop {
    uid_validity: u32,
    messages: Vec<Message>,
}

/// A message of a maildrop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) uid: u32,
    /// Its size in octets.
    pub(crate) size: u64,
    deleted: bool,
}

impl Maildrop {
    pub(crate) fn new(uid_validity: u32) -> Self {
        Self {
            uid_validity,
            messages: Vec::new(),
        }
    }

    /// Adds messages behind those that are there.
    pub(crate) fn extend(&mut self, measures: &[Measure]) {
        let messages = measures.iter().map(|measure| Message {
            uid: measure.uid,
            size: measure.size,
            deleted: false,
        });
        self.messages.extend(messages);
    }

    /// The last UID in it, 0 if there is none.
    pub(crate) fn last_uid(&self) -> u32 {
        self.messages.last().map_or(0, |message| message.uid)
    }

    /// How many numbers it has, those of deleted messages included.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Number and octets of what is not deleted.
    pub(crate) fn stat(&self) -> (usize, u64) {
        let left = self.messages.iter().filter(|message| !message.deleted);
        left.fold((0, 0), |(count, octets), message| {
            (count + 1, octets + message.size)
        })
    }

    /// Message `number`, unless it is deleted.
    pub(crate) fn get(&self, number: usize) -> Option<Message> {
        let message = self.messages.get(number.checked_sub(1)?)?;
        (!message.deleted).then_some(*message)
    }

    /// Marks a message; false if there is no such message.
    pub(crate) fn delete(&mut self, number: usize) -> bool {
        let Some(message) = number
            .checked_sub(1)
            .and_then(|index| self.messages.get_mut(index))
        else {
            return false;
        };
        !std::mem::replace(&mut message.deleted, true)
    }

    /// Takes back all marks.
    pub(crate) fn restore(&mut self) {
        for message in &mut self.messages {
            message.deleted = false;
        }
    }

    /// The UIDs of those that are marked.
    pub(crate) fn deleted(&self) -> Vec<u32> {
        let deleted = self.messages.iter().filter(|message| message.deleted);
        deleted.map(|message| message.uid).collect()
    }

    /// The name by which a client knows the message again (RFC 1939 §7, UIDL).
    pub(crate) fn unique_id(&self, message: Message) -> String {
        format!("{}.{}", self.uid_validity, message.uid)
    }
}
