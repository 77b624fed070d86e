//! What becomes of each recipient: the route of a message.
//!
//! A recipient that cannot be routed becomes an outcome, never an error of the
//! whole message. One account gets one copy however it was reached, one remote
//! address likewise.

use std::collections::HashMap;

use message::{
    AccountId, Address, Destination, Diagnostic, EnhancedStatus, Outcome, Timestamp, Verdict,
};
use store::directory::{Expansion, Reached, expand};
use store::ledger::{Decision, Entry, FinalRecipient, NewJob, Route, Why};
use store::{Directory, StoreError};

/// The most recipients of one job, so that its row and its transaction with
/// the next server stay small (RFC 5321 §4.5.3.1.8 asks servers for 100).
const JOB_RECIPIENTS: usize = 100;

/// Where remote domains lead.
pub trait Ways: Sync {
    /// The destination of mail to `domain`.
    fn destination(&self, domain: &message::Domain) -> Destination;
}

impl Ways for config::Router {
    fn destination(&self, domain: &message::Domain) -> Destination {
        config::Router::destination(self, domain)
    }
}

/// Decides for every recipient of a message.
///
/// # Errors
/// When the directory cannot be read; nothing is decided then.
pub async fn decide(
    directory: &dyn Directory,
    ways: &dyn Ways,
    entry: &Entry,
    now: Timestamp,
) -> Result<Route, StoreError> {
    let mut draft = Draft {
        ways,
        now,
        decisions: Vec::new(),
        groups: Groups::default(),
    };
    for (original, recipient) in (0..).zip(&entry.acceptance.envelope.recipients) {
        let expansion = expand(directory, &recipient.address).await?;
        draft.add(original, &recipient.address, expansion);
    }
    let return_path = &entry.acceptance.envelope.return_path;
    let jobs = draft.groups.into_jobs(|destination, recipients| NewJob {
        destination,
        return_path: return_path.clone(),
        recipients,
    });
    Ok(Route {
        decisions: draft.decisions,
        jobs,
    })
}

struct Draft<'a> {
    ways: &'a dyn Ways,
    now: Timestamp,
    decisions: Vec<Decision>,
    groups: Groups,
}

impl Draft<'_> {
    fn add(&mut self, original: u32, address: &Address, expansion: Expansion) {
        self.settle(original, address, &expansion);
        for end in expansion.reached {
            match end {
                Reached::Account {
                    account,
                    address,
                    via,
                    chain,
                } => {
                    self.groups.account(original, account.id, &address);
                    self.decide(original, Why::Account(via), chain, address);
                }
                Reached::Remote { address, chain } => {
                    let destination = self.ways.destination(address.domain());
                    let why = match destination {
                        Destination::Smarthost { .. } => Why::Smarthost,
                        Destination::Domain(_) | Destination::Local => Why::Dns,
                    };
                    self.groups.remote(original, destination, &address);
                    self.decide(original, why, chain, address);
                }
            }
        }
    }

    fn decide(&mut self, original: u32, why: Why, chain: Vec<Address>, to: Address) {
        self.decisions.push(Decision {
            original,
            why,
            chain,
            to: Some(to),
            outcome: None,
        });
    }

    /// What routing itself makes of the recipient: expanded, or failed in part
    /// or as a whole.
    fn settle(&mut self, original: u32, address: &Address, expansion: &Expansion) {
        for unknown in &expansion.unknown {
            let outcome = self.failed(UNKNOWN, format!("{unknown}: nobody has this address"));
            self.end(original, Some(unknown.clone()), outcome);
        }
        if expansion.truncated {
            let text = format!("{address}: stands for more addresses than one message may reach");
            let outcome = self.failed(LOOP, text);
            self.end(original, None, outcome);
        }
        if expansion.reached.is_empty() && expansion.unknown.is_empty() && !expansion.truncated {
            let text = format!("{address}: its aliases lead back to themselves");
            let outcome = self.failed(LOOP, text);
            self.end(original, None, outcome);
        }
        if expansion.reached.len() > 1 {
            self.decisions.push(Decision {
                original,
                why: Why::Expanded,
                chain: Vec::new(),
                to: None,
                outcome: Some(self.expanded(address, expansion.reached.len())),
            });
        }
    }

    fn end(&mut self, original: u32, to: Option<Address>, outcome: Outcome) {
        let (why, chain) = (Why::Unroutable, Vec::new());
        self.decisions.push(Decision {
            original,
            why,
            chain,
            to,
            outcome: Some(outcome),
        });
    }

    fn failed(&self, status: EnhancedStatus, text: String) -> Outcome {
        let diagnostic = Diagnostic::ours(text);
        Outcome {
            verdict: Verdict::Failed,
            status,
            diagnostic,
            at: self.now,
        }
    }

    fn expanded(&self, address: &Address, count: usize) -> Outcome {
        Outcome {
            verdict: Verdict::Expanded,
            status: EnhancedStatus::new(2, 1, 5),
            diagnostic: Diagnostic::ours(format!("{address}: passed on to {count} addresses")),
            at: self.now,
        }
    }
}

/// Bad destination mailbox address (RFC 3463 §3.2).
const UNKNOWN: EnhancedStatus = EnhancedStatus::new(5, 1, 1);
/// Routing loop detected (RFC 3463 §3.5).
const LOOP: EnhancedStatus = EnhancedStatus::new(5, 4, 6);

/// Final recipients by destination, each once.
#[derive(Default)]
struct Groups {
    order: Vec<Destination>,
    recipients: HashMap<Destination, Vec<FinalRecipient>>,
    accounts: HashMap<AccountId, usize>,
    remotes: HashMap<Address, usize>,
}

impl Groups {
    fn account(&mut self, original: u32, account: AccountId, address: &Address) {
        let group = group(&mut self.order, &mut self.recipients, Destination::Local);
        let place = *self.accounts.entry(account).or_insert(group.len());
        join(group, place, original, address, Some(account));
    }

    fn remote(&mut self, original: u32, destination: Destination, address: &Address) {
        let group = group(&mut self.order, &mut self.recipients, destination);
        let place = *self.remotes.entry(address.clone()).or_insert(group.len());
        join(group, place, original, address, None);
    }

    fn into_jobs(
        mut self,
        job: impl Fn(Destination, Vec<FinalRecipient>) -> NewJob,
    ) -> Vec<NewJob> {
        let mut jobs = Vec::new();
        for destination in self.order {
            let recipients = self.recipients.remove(&destination).unwrap_or_default();
            let parts = recipients.chunks(JOB_RECIPIENTS);
            jobs.extend(parts.map(|part| job(destination.clone(), part.to_vec())));
        }
        jobs
    }
}

fn group<'g>(
    order: &mut Vec<Destination>,
    recipients: &'g mut HashMap<Destination, Vec<FinalRecipient>>,
    destination: Destination,
) -> &'g mut Vec<FinalRecipient> {
    recipients
        .entry(destination)
        .or_insert_with_key(|destination| {
            order.push(destination.clone());
            Vec::new()
        })
}

/// Puts an original recipient to the final one at `place`, which may be new.
fn join(
    group: &mut Vec<FinalRecipient>,
    place: usize,
    original: u32,
    address: &Address,
    account: Option<AccountId>,
) {
    match group.get_mut(place) {
        Some(known) if known.originals.contains(&original) => {}
        Some(known) => known.originals.push(original),
        None => group.push(FinalRecipient {
            address: address.clone(),
            account,
            originals: vec![original],
        }),
    }
}
