//! Any sequence of operations against a model in memory, for property tests.

mod shelf;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use message::{AccountId, ContentId, MessageId, Timestamp};

use super::{Subject, content, message, pair};
use crate::MailboxStore;
use crate::mailbox::{
    Appended, Expunge, Flag, FlagChange, MailboxId, MailboxName, NewEntry, Quota, STANDARD,
};
use shelf::{Holdings, Kept};

/// An operation; numbers name accounts, mailboxes, messages and contents.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Puts a message into a mailbox.
    Append {
        /// Whose.
        account: u64,
        /// Which of the standard ones.
        mailbox: usize,
        /// The delivery it is, if one.
        delivery: Option<u64>,
        /// What it shows.
        content: u64,
        /// Its size.
        size: u64,
        /// Whether it is `\Seen`.
        seen: bool,
        /// The account's quota.
        quota: Option<u64>,
    },
    /// Removes entries.
    Expunge {
        /// Whose.
        account: u64,
        /// Of which standard mailbox.
        mailbox: usize,
        /// Their UIDs, there or not.
        uids: Vec<u32>,
    },
    /// Sets or takes a flag.
    Mark {
        /// Whose.
        account: u64,
        /// In which standard mailbox.
        mailbox: usize,
        /// UIDs, there or not.
        uids: Vec<u32>,
        /// `\Seen`, or `\Deleted`.
        seen: bool,
        /// Set, or taken.
        set: bool,
    },
    /// Copies or moves entries.
    Transfer {
        /// Whose.
        account: u64,
        /// From which standard mailbox.
        from: usize,
        /// UIDs, there or not.
        uids: Vec<u32>,
        /// To which standard mailbox.
        to: usize,
        /// The quota of a copy; a move has none.
        copy: Option<u64>,
    },
    /// Removes an account.
    RemoveAccount {
        /// Which.
        account: u64,
    },
    /// The ledger takes the first releases.
    Released {
        /// At most how many.
        limit: usize,
    },
    /// The first delivery records are dropped.
    Forget {
        /// At most how many.
        limit: usize,
    },
    /// The store is closed and opened again.
    Reopen,
}

/// Applies `operations` to a fresh store and to the model, and compares after
/// each.
pub async fn agrees(subject: &impl Subject<dyn MailboxStore>, operations: &[Operation]) {
    let mut store = subject.open().await;
    let mut model = Model::default();
    for operation in operations {
        match operation {
            Operation::Reopen => {
                drop(store);
                store = subject.open().await;
            }
            other => model.apply(&*store, other).await,
        }
        model.compare(&*store).await;
    }
}

/// What a store should hold.
#[derive(Default)]
struct Model {
    accounts: BTreeMap<AccountId, Holdings>,
    delivered: BTreeSet<(AccountId, MessageId)>,
    releases: HashSet<(AccountId, ContentId)>,
}

impl Model {
    async fn apply(&mut self, store: &dyn MailboxStore, operation: &Operation) {
        match operation {
            Operation::Append {
                account,
                mailbox,
                delivery,
                content: number,
                size,
                seen,
                quota,
            } => {
                let new = NewEntry {
                    delivery: delivery.map(message),
                    content: content(*number),
                    prefix: String::new(),
                    size: *size,
                    internal_date: Timestamp::UNIX_EPOCH,
                    flags: if *seen { vec![Flag::Seen] } else { Vec::new() },
                };
                let account = AccountId::from_bits(*account);
                let name = standard(*mailbox);
                let appended = store
                    .append(account, &name, new.clone(), Quota::octets(*quota))
                    .await
                    .unwrap();
                self.append(account, name, new, *quota, appended);
            }
            Operation::Expunge {
                account,
                mailbox,
                uids,
            } => {
                let account = AccountId::from_bits(*account);
                let name = standard(*mailbox);
                let gone = store
                    .expunge(account, number(*mailbox), uids, Expunge::All)
                    .await
                    .unwrap();
                self.expunge(account, &name, uids, gone);
            }
            Operation::Mark {
                account,
                mailbox,
                uids,
                seen,
                set,
            } => {
                let flags = vec![if *seen { Flag::Seen } else { Flag::Deleted }];
                let change = match set {
                    true => FlagChange::Add(flags),
                    false => FlagChange::Remove(flags),
                };
                let account = AccountId::from_bits(*account);
                let done = store
                    .store_flags(account, number(*mailbox), uids, &change, None)
                    .await
                    .unwrap();
                let holdings = self.accounts.entry(account).or_default();
                holdings.mark(&standard(*mailbox), uids, (*seen, *set), done);
            }
            Operation::Transfer {
                account,
                from,
                uids,
                to,
                copy,
            } => {
                let account = AccountId::from_bits(*account);
                let (source, target) = (number(*from), number(*to));
                let done = match copy {
                    Some(quota) => {
                        let quota = Quota::octets(Some(*quota));
                        store.copy(account, source, uids, target, quota).await
                    }
                    None => store.move_entries(account, source, uids, target).await,
                };
                let holdings = self.accounts.entry(account).or_default();
                let ends = (standard(*from), standard(*to));
                holdings.transfer(ends, uids, *copy, done.unwrap());
            }
            Operation::RemoveAccount { account } => {
                let account = AccountId::from_bits(*account);
                store.remove_account(account).await.unwrap();
                let holdings = self.accounts.entry(account).or_default();
                let lost = holdings.shown().into_iter().cloned();
                self.releases.extend(lost.map(|content| (account, content)));
                *holdings = Holdings {
                    removed: true,
                    ..Holdings::default()
                };
            }
            Operation::Released { limit } => {
                let releases = store.releases(*limit).await.unwrap();
                assert_eq!(releases.len(), self.releases.len().min(*limit));
                store.released(&releases).await.unwrap();
                for release in releases {
                    assert!(self.releases.remove(&pair(release)));
                }
            }
            Operation::Forget { limit } => {
                let records: Vec<_> = self.delivered.iter().copied().take(*limit).collect();
                assert_eq!(store.deliveries(None, *limit).await.unwrap(), records);
                store.forget_deliveries(&records).await.unwrap();
                for record in &records {
                    self.delivered.remove(record);
                }
            }
            Operation::Reopen => unreachable!("done by the caller"),
        }
    }

    fn append(
        &mut self,
        account: AccountId,
        name: MailboxName,
        new: NewEntry,
        quota: Option<u64>,
        appended: Appended,
    ) {
        let record = new.delivery.map(|message| (account, message));
        let holdings = self.accounts.entry(account).or_default();
        let full = quota.is_some_and(|quota| holdings.usage().octets + new.size > quota);
        if record.is_some_and(|record| self.delivered.contains(&record)) {
            return assert_eq!(appended, Appended::AlreadyDelivered);
        }
        if holdings.removed {
            return assert_eq!(appended, Appended::NoSuchMailbox);
        }
        if full {
            return assert_eq!(appended, Appended::OverQuota);
        }
        let Appended::Stored { uid, uid_validity } = appended else {
            panic!("stored, not {appended:?}");
        };
        let shelf = holdings.mailboxes.entry(name).or_default();
        assert_eq!(
            *shelf.uid_validity.get_or_insert(uid_validity),
            uid_validity
        );
        assert_eq!(uid, shelf.last_uid + 1);
        shelf.last_uid = uid;
        shelf.changed = true;
        self.releases.remove(&(account, new.content.clone()));
        let seen = !new.flags.is_empty();
        let kept = Kept {
            content: new.content,
            size: new.size,
            seen,
            deleted: false,
        };
        shelf.entries.insert(uid, kept);
        self.delivered.extend(record);
    }

    fn expunge(&mut self, account: AccountId, name: &MailboxName, uids: &[u32], gone: Vec<u32>) {
        let holdings = self.accounts.entry(account).or_default();
        let mut removed = BTreeMap::new();
        if let Some(shelf) = holdings.mailboxes.get_mut(name) {
            removed.extend(
                uids.iter()
                    .filter_map(|uid| shelf.entries.remove_entry(uid)),
            );
            shelf.changed |= !removed.is_empty();
        }
        assert_eq!(gone.len(), removed.len());
        assert!(gone.iter().all(|uid| removed.contains_key(uid)));
        let shown = holdings.shown();
        let lost = removed.values().map(|kept| &kept.content);
        let lost: Vec<_> = lost
            .filter(|content| !shown.contains(content))
            .cloned()
            .collect();
        self.releases
            .extend(lost.into_iter().map(|content| (account, content)));
    }

    async fn compare(&mut self, store: &dyn MailboxStore) {
        let mut shown = HashSet::new();
        for (account, holdings) in &mut self.accounts {
            holdings.compare(store, *account).await;
            let contents = holdings.shown().into_iter().cloned();
            shown.extend(contents.map(|content| (*account, content)));
        }
        let all = |releases: Vec<_>| releases.into_iter().map(pair).collect::<HashSet<_>>();
        assert_eq!(all(store.shown(None, 1_000).await.unwrap()), shown);
        assert_eq!(all(store.releases(1_000).await.unwrap()), self.releases);
        let deliveries = store.deliveries(None, 1_000).await.unwrap();
        assert!(deliveries.iter().eq(&self.delivered));
        for (account, content) in &self.releases {
            assert!(!store.shows(*account, content).await.unwrap());
        }
    }
}

fn number(index: usize) -> MailboxId {
    MailboxId::from_number((index % STANDARD.len()) as u32 + 1)
}

fn standard(index: usize) -> MailboxName {
    STANDARD[index % STANDARD.len()].0.parse().unwrap()
}
