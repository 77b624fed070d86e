//! Keys whose octet order is the order of what they are made of.

use crate::StoreError;

/// The first octet of a key: what kind of row it names. Ports have blocks of
/// their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Space {
    /// The engine: the last batch of the journal that the file holds.
    Checkpoint = 0x00,

    /// The directory: a domain, by name.
    Domain = 0x10,
    /// The name of a domain, by when it was added.
    DomainOrder,
    /// The order that the next domain gets.
    DomainCount,
    /// An account, by address.
    Account,
    /// The address of an account, by id.
    AccountName,
    /// An alias, by address.
    Alias,

    /// Mailboxes: what is common to those of an account.
    MailboxAccount = 0x30,
    /// A mailbox, by account and id.
    Mailbox,
    /// The id of a mailbox, by account and name.
    MailboxName,
    /// What never changes of an entry, by account, shelf and UID.
    MailboxEntry,
    /// What changes of an entry, by account, shelf and UID.
    EntryState,
    /// The UID of an entry, by account, shelf and modification sequence.
    EntryChange,
    /// UIDs of expunged entries, by account, shelf and modification sequence.
    Vanished,
    /// That a shelf is to be emptied, by account and shelf.
    Doomed,
    /// That an account has subscribed to a name.
    Subscription,
    /// How many entries of an account show a content.
    Shown,
    /// That an account got a message.
    Delivered,
    /// That an account no longer shows a content.
    Release,
    /// The store's epoch, and when it was last in use.
    Epoch,

    /// The ledger: what acceptance said, by message.
    LedgerEntry = 0x50,
    /// What changes of an open message, by message.
    LedgerOpen,
    /// When a message closed, by message.
    LedgerClosed,
    /// Closed messages, by when they closed.
    LedgerClosedAt,
    /// What routing decided, by message.
    LedgerRoute,
    /// A job, by message and number.
    LedgerJob,
    /// What is to be done with a job, by when.
    LedgerTimer,
    /// Jobs that a free slot may take, by destination.
    LedgerSlot,
    /// Destinations, by their first slot.
    LedgerHead,
    /// What a sender is owed, by message, kind and recipient.
    LedgerOwed,
    /// A notice, by message and number.
    LedgerNotice,
    /// Who refers to a content, by content.
    LedgerReference,
    /// When a content was condemned, by content.
    LedgerCondemned,
    /// Condemned contents, by when.
    LedgerCondemnedAt,
    /// A destination in trouble, by name.
    LedgerDestination,
    /// The counts.
    LedgerCounts,
    /// How often the store was opened for work.
    LedgerRun,
}

/// A key, built part by part. Numbers are big endian; text ends with a NUL,
/// which it never contains.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Vec<u8>);

impl Key {
    pub(super) fn new(space: Space) -> Self {
        let mut octets = Vec::with_capacity(40);
        octets.push(space as u8);
        Self(octets)
    }

    pub(super) fn u8(self, number: u8) -> Self {
        self.raw(&[number])
    }

    pub(super) fn u32(self, number: u32) -> Self {
        self.raw(&number.to_be_bytes())
    }

    pub(super) fn u64(self, number: u64) -> Self {
        self.raw(&number.to_be_bytes())
    }

    pub(super) fn u128(self, number: u128) -> Self {
        self.raw(&number.to_be_bytes())
    }

    pub(super) fn text(self, text: &str) -> Self {
        debug_assert!(!text.contains('\0'), "NUL ends text in a key");
        self.raw(text.as_bytes()).raw(&[0])
    }

    /// Octets as they are: a key that was read, or a last part.
    pub(super) fn raw(mut self, octets: &[u8]) -> Self {
        self.0.extend_from_slice(octets);
        self
    }

    /// The key that was read as `octets`.
    pub(super) fn read(octets: &[u8]) -> Self {
        Self(octets.to_vec())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads back the parts of a key, in their order.
pub(super) struct KeyReader<'a> {
    key: &'a [u8],
    rest: &'a [u8],
}

impl<'a> KeyReader<'a> {
    /// Starts behind the space.
    pub(super) fn new(key: &'a [u8]) -> Self {
        Self {
            key,
            rest: key.get(1..).unwrap_or_default(),
        }
    }

    pub(super) fn u8(&mut self) -> Result<u8, StoreError> {
        self.take().map(u8::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, StoreError> {
        self.take().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, StoreError> {
        self.take().map(u64::from_be_bytes)
    }

    pub(super) fn u128(&mut self) -> Result<u128, StoreError> {
        self.take().map(u128::from_be_bytes)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, StoreError> {
        let end = self
            .rest
            .iter()
            .position(|b| *b == 0)
            .ok_or_else(|| self.unreadable())?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        std::str::from_utf8(text).map_err(|_| self.unreadable())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (part, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| self.unreadable())?;
        self.rest = rest;
        Ok(*part)
    }

    fn unreadable(&self) -> StoreError {
        StoreError::Corrupt {
            key: printed(self.key),
            reason: "a key of another form".into(),
        }
    }
}

/// A key as an operator can search for it.
pub(super) fn printed(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_parts_and_read_back() {
        let key = |text: &str, number| Key::new(Space::Checkpoint).text(text).u64(number);
        let mut keys = vec![key("b", 1), key("a", 256), key("ab", 0), key("a", 2)];
        keys.sort();
        assert_eq!(
            keys,
            [key("a", 2), key("a", 256), key("ab", 0), key("b", 1)]
        );
        let mut reader = KeyReader::new(keys[1].as_bytes());
        assert_eq!((reader.text().unwrap(), reader.u64().unwrap()), ("a", 256));
        assert!(matches!(reader.u8(), Err(StoreError::Corrupt { .. })));
    }
}
