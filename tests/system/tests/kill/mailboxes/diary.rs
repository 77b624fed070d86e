//! What a client knows of the messages it made.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

/// The folders that messages move between.
pub(crate) const FOLDERS: [&str; 4] = ["INBOX", "Archive", "one", "one/two"];

/// The place of a folder in [`FOLDERS`].
pub(crate) type Folder = usize;

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// APPEND was not answered: nowhere, or in this folder.
    Perhaps(Folder),
    /// Here, as the server said.
    In(Folder, u32),
    /// MOVE was not answered: in the first, or in the second.
    InEither(Folder, Folder),
    /// EXPUNGE was not answered: in this folder, or nowhere.
    PerhapsGone(Folder),
    /// Nowhere, as the server said.
    Gone,
}

/// A message.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) place: Place,
    /// Whether it is flagged; none where STORE was not answered.
    pub(crate) flagged: Option<bool>,
    /// The first message of the APPEND that it came by.
    pub(crate) group: u64,
}

/// All that a client was told.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    /// By number.
    pub(crate) messages: BTreeMap<u64, Known>,
    /// By folder and UID the number of the message that was told to be there.
    pub(crate) told: BTreeMap<(Folder, u32), u64>,
    /// UIDVALIDITY of each folder.
    pub(crate) validity: BTreeMap<Folder, u32>,
    /// The last UID told of each folder.
    last: BTreeMap<Folder, u32>,
    /// How many commands were not answered.
    pub(crate) unanswered: usize,
    /// How many were.
    pub(crate) answered: usize,
}

impl Diary {
    /// The server said that a message got this UID.
    pub(crate) fn placed(
        &mut self,
        number: u64,
        folder: Folder,
        validity: u32,
        uid: u32,
    ) -> Result<()> {
        let name = FOLDERS[folder];
        let before = self.validity.insert(folder, validity);
        ensure!(
            before.is_none_or(|before| before == validity),
            "{name} was renumbered: {before:?}, {validity}"
        );
        let last = self.last.insert(folder, uid);
        ensure!(last < Some(uid), "UID {uid} in {name} comes after {last:?}");
        self.told.insert((folder, uid), number);
        self.set(number, Place::In(folder, uid));
        Ok(())
    }

    pub(crate) fn set(&mut self, number: u64, place: Place) {
        if let Some(known) = self.messages.get_mut(&number) {
            known.place = place;
        }
    }

    pub(crate) fn flag(&mut self, number: u64, flagged: Option<bool>) {
        if let Some(known) = self.messages.get_mut(&number) {
            known.flagged = flagged;
        }
    }

    /// The messages that are in a folder for certain, with their UIDs.
    pub(crate) fn certain(&self, folder: Folder) -> Vec<(u64, u32)> {
        let messages = self.messages.iter();
        let certain = messages.filter_map(|(number, known)| match known.place {
            Place::In(there, uid) => (there == folder).then_some((*number, uid)),
            Place::Perhaps(_) | Place::InEither(..) | Place::PerhapsGone(_) | Place::Gone => None,
        });
        certain.collect()
    }
}
