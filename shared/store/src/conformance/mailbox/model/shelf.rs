//! What an account's mailboxes should hold.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use message::{AccountId, ContentId};

use crate::MailboxStore;
use crate::mailbox::{
    Copied, EntryState, Flag, FlagsStored, MailboxInfo, MailboxName, Usage, Vanished,
};

#[derive(Default)]
pub(super) struct Holdings {
    pub(super) removed: bool,
    pub(super) mailboxes: BTreeMap<MailboxName, Shelf>,
}

/// A mailbox of the model.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) uid_validity: Option<u32>,
    pub(super) last_uid: u32,
    highest_modseq: u64,
    pub(super) changed: bool,
    pub(super) entries: BTreeMap<u32, Kept>,
    /// What a session sees that follows by deltas.
    followed: BTreeMap<u32, EntryState>,
    follows_from: u64,
}

#[derive(Clone)]
pub(super) struct Kept {
    pub(super) content: ContentId,
    pub(super) size: u64,
    pub(super) seen: bool,
    pub(super) deleted: bool,
}

impl Holdings {
    pub(super) fn usage(&self) -> Usage {
        let entries = || {
            self.mailboxes
                .values()
                .flat_map(|shelf| shelf.entries.values())
        };
        Usage {
            octets: entries().map(|kept| kept.size).sum(),
            messages: entries().count() as u64,
        }
    }

    pub(super) fn shown(&self) -> HashSet<&ContentId> {
        let shelves = self.mailboxes.values();
        shelves
            .flat_map(|shelf| shelf.entries.values())
            .map(|kept| &kept.content)
            .collect()
    }
}

impl Holdings {
    pub(super) fn mark(
        &mut self,
        name: &MailboxName,
        uids: &[u32],
        (seen, set): (bool, bool),
        done: FlagsStored,
    ) {
        let shelf = self.mailboxes.entry(name.clone()).or_default();
        let mut there = BTreeSet::new();
        for uid in uids {
            let Some(kept) = shelf.entries.get_mut(uid) else {
                continue;
            };
            there.insert(*uid);
            let flag = if seen {
                &mut kept.seen
            } else {
                &mut kept.deleted
            };
            shelf.changed |= *flag != set;
            *flag = set;
        }
        assert!(done.stored.iter().map(|state| state.uid).eq(there));
        assert!(done.modified.is_empty() && done.too_many.is_empty());
    }

    pub(super) fn transfer(
        &mut self,
        (from, to): (MailboxName, MailboxName),
        uids: &[u32],
        copy: Option<u64>,
        done: Copied,
    ) {
        if self.removed {
            return assert_eq!(done, Copied::NoSuchMailbox);
        }
        let uids: BTreeSet<_> = uids.iter().copied().collect();
        let usage = self.usage();
        let source = self.mailboxes.entry(from).or_default();
        let found = |uid| Some((uid, source.entries.get(&uid)?.clone()));
        let found: Vec<_> = uids.into_iter().filter_map(found).collect();
        let more: u64 = found.iter().map(|(_, kept)| kept.size).sum();
        if !found.is_empty() && copy.is_some_and(|quota| usage.octets + more > quota) {
            return assert_eq!(done, Copied::OverQuota);
        }
        source.changed |= copy.is_none() && !found.is_empty();
        if copy.is_none() {
            found.iter().for_each(|(uid, _)| {
                source.entries.remove(uid);
            });
        }
        let target = self.mailboxes.entry(to).or_default();
        target.changed |= !found.is_empty();
        let mut expected = Vec::new();
        for (uid, kept) in found {
            target.last_uid += 1;
            target.entries.insert(target.last_uid, kept);
            expected.push((uid, target.last_uid));
        }
        match done {
            Copied::Copied { pairs, .. } => assert_eq!(pairs, expected),
            other => panic!("copied, not {other:?}"),
        }
    }
}

impl Holdings {
    pub(super) async fn compare(&mut self, store: &dyn MailboxStore, account: AccountId) {
        assert_eq!(store.usage(account).await.unwrap(), self.usage());
        let mailboxes = store.mailboxes(account).await.unwrap();
        assert_eq!(mailboxes.is_empty(), self.removed);
        for info in mailboxes {
            let shelf = self.mailboxes.entry(info.name.clone()).or_default();
            assert_eq!(
                *shelf.uid_validity.get_or_insert(info.uid_validity),
                info.uid_validity
            );
            assert_eq!(info.uid_next, shelf.last_uid + 1);
            let unseen = shelf.entries.values().filter(|kept| !kept.seen).count();
            let deleted = shelf.entries.values().filter(|kept| kept.deleted).count();
            let octets: u64 = shelf.entries.values().map(|kept| kept.size).sum();
            assert_eq!(
                (info.messages, info.unseen, info.deleted, info.octets),
                (
                    shelf.entries.len() as u64,
                    unseen as u64,
                    deleted as u64,
                    octets
                )
            );
            shelf.compare_modseq(info.highest_modseq);
            shelf.compare_entries(store, account, &info).await;
            shelf.follow(store, account, &info).await;
        }
    }
}

impl Shelf {
    /// A change raises the sequence above all of before in this mailbox.
    fn compare_modseq(&mut self, highest: u64) {
        if std::mem::take(&mut self.changed) {
            assert!(highest > self.highest_modseq);
        } else if self.highest_modseq != 0 {
            assert_eq!(highest, self.highest_modseq);
        }
        self.highest_modseq = highest;
    }

    async fn compare_entries(
        &self,
        store: &dyn MailboxStore,
        account: AccountId,
        info: &MailboxInfo,
    ) {
        let entries = store.entries(account, info.id, 0, 1_000).await.unwrap();
        assert_eq!(entries.len(), self.entries.len());
        let mut modseqs = BTreeSet::new();
        for (entry, (uid, kept)) in entries.iter().zip(&self.entries) {
            assert_eq!(
                (entry.uid, &entry.content, entry.size),
                (*uid, &kept.content, kept.size)
            );
            assert_eq!(entry.flags.contains(&Flag::Seen), kept.seen);
            assert_eq!(entry.flags.contains(&Flag::Deleted), kept.deleted);
            assert!((1..=self.highest_modseq).contains(&entry.modseq));
            assert!(modseqs.insert(entry.modseq), "each has its own");
        }
    }

    /// A session that applies one delta after the other sees what is there.
    async fn follow(&mut self, store: &dyn MailboxStore, account: AccountId, info: &MailboxInfo) {
        loop {
            let delta = store.delta(account, info.id, self.follows_from, 3).await;
            let delta = delta.unwrap().expect("the mailbox is there");
            let Vanished::Uids(gone) = delta.vanished else {
                panic!("few vanished")
            };
            let changed = delta.changed.into_iter().map(|state| (state.uid, state));
            self.followed.extend(changed);
            self.followed.retain(|uid, _| !gone.contains(uid));
            self.follows_from = delta.modseq;
            if !delta.more {
                break;
            }
        }
        assert_eq!(self.follows_from, info.highest_modseq);
        let states = store.states(account, info.id, 0, 1_000).await.unwrap();
        assert!(self.followed.values().eq(&states));
    }
}
