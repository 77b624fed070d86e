//! Final recipients gathered into jobs: each end once, those that go the same
//! way together.

use std::collections::{BTreeSet, HashMap};

use message::{AccountId, Address, Destination, ReversePath};
use store::ledger::{FinalRecipient, NewJob};

/// The most recipients of one job, so that its row and its transaction with
/// the next server stay small (RFC 5321 §4.5.3.1.8 asks servers for 100).
const JOB_RECIPIENTS: usize = 100;

/// What the recipients of a job have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Way {
    pub(crate) destination: Destination,
    /// See [`NewJob::passed_on_by`].
    pub(crate) passed_on_by: Vec<Address>,
}

/// Where mail ends: an account, or a remote address as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum End {
    Account(AccountId),
    Remote(Address),
}

/// Final recipients by way, in the order of their first.
#[derive(Default)]
pub(crate) struct Groups {
    groups: Vec<(Way, Vec<FinalRecipient>)>,
    by_way: HashMap<Way, usize>,
    /// The group of each end, and its place there.
    places: HashMap<End, (usize, usize)>,
}

impl Groups {
    /// Adds a way to an account.
    pub(crate) fn account(&mut self, original: u32, account: AccountId, address: &Address) {
        let way = Way {
            destination: Destination::Local,
            passed_on_by: Vec::new(),
        };
        let recipient = FinalRecipient {
            address: address.clone(),
            account: Some(account),
            originals: vec![original],
        };
        self.add(End::Account(account), way, recipient);
    }

    /// Adds a way to a remote address.
    pub(crate) fn remote(&mut self, original: u32, way: Way, address: &Address) {
        let recipient = FinalRecipient {
            address: address.clone(),
            account: None,
            originals: vec![original],
        };
        self.add(End::Remote(address.clone()), way, recipient);
    }

    /// An end that is known already goes the way it was first found.
    fn add(&mut self, end: End, way: Way, recipient: FinalRecipient) {
        if let Some((group, place)) = self.places.get(&end) {
            let known = &mut self.groups[*group].1[*place].originals;
            let new = recipient.originals.into_iter();
            new.for_each(|original| join(known, original));
            return;
        }
        let group = *self.by_way.entry(way).or_insert_with_key(|way| {
            self.groups.push((way.clone(), Vec::new()));
            self.groups.len() - 1
        });
        let recipients = &mut self.groups[group].1;
        self.places.insert(end, (group, recipients.len()));
        recipients.push(recipient);
    }

    /// The jobs. What an alias passes on has the return path `passed_on`,
    /// everything else `own`.
    pub(crate) fn into_jobs(
        self,
        own: &ReversePath,
        passed_on: &ReversePath,
        expanded: &BTreeSet<u32>,
    ) -> Vec<NewJob> {
        let mut jobs = Vec::new();
        for (way, recipients) in self.groups {
            let return_path = match way.passed_on_by.is_empty() {
                true => own,
                false => passed_on,
            };
            jobs.extend(recipients.chunks(JOB_RECIPIENTS).map(|part| NewJob {
                destination: way.destination.clone(),
                return_path: return_path.clone(),
                recipients: part.to_vec(),
                passed_on_by: way.passed_on_by.clone(),
                expanded: originals(part).intersection(expanded).copied().collect(),
            }));
        }
        jobs
    }
}

fn join(originals: &mut Vec<u32>, original: u32) {
    if !originals.contains(&original) {
        originals.push(original);
    }
}

fn originals(recipients: &[FinalRecipient]) -> BTreeSet<u32> {
    let all = recipients.iter().flat_map(|recipient| &recipient.originals);
    all.copied().collect()
}
