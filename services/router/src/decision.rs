//! What becomes of each recipient: the route of a message.
//!
//! A recipient that cannot be routed becomes an outcome, never an error of the
//! whole message. One account gets one copy however it was reached, one remote
//! address likewise.
//!
//! Mail that an alias passes on to another host names the alias in Delivered-To
//! and, where return paths are rewritten, leaves under one of ours
//! ([`message::srs`]); notices of ours go to the original sender all the same.

use std::collections::{BTreeSet, HashSet};

use content::ContentStore;
use message::srs::Rewriter;
use message::{
    Address, Destination, Diagnostic, Domain, EnhancedStatus, Outcome, ReversePath, Timestamp,
    Verdict,
};
use store::directory::{DeadEnd, Expander, Expansion, Impasse, Reached};
use store::ledger::{Decision, Entry, Route, Why};
use store::{Directory, StoreError};

use crate::grouping::{Groups, Way};
use crate::{Error, trail};

/// Where remote domains lead.
pub trait Ways: Send + Sync {
    /// The destination of mail to `domain`.
    fn destination(&self, domain: &Domain) -> Destination;
}

impl Ways for config::Router {
    fn destination(&self, domain: &Domain) -> Destination {
        config::Router::destination(self, domain)
    }
}

/// What decisions rest on.
#[derive(Clone, Copy)]
pub struct Routing<'a> {
    /// Who lives here.
    pub directory: &'a dyn Directory,
    /// For the header sections of messages that aliases pass on.
    pub content: &'a dyn ContentStore,
    /// Where remote domains lead.
    pub ways: &'a dyn Ways,
    /// What rewrites return paths, if anything.
    pub rewriter: Option<&'a Rewriter>,
    /// The time of the decision.
    pub now: Timestamp,
}

impl Routing<'_> {
    /// Decides for every recipient of a message.
    ///
    /// # Errors
    /// When directory or content cannot be read; nothing is decided then.
    pub async fn decide(self, entry: &Entry) -> Result<Route, Error> {
        let envelope = &entry.acceptance.envelope;
        let expansions = self.expand(entry).await?;
        let own = &envelope.return_path;
        let passed_on = self.passed_on(own, &expansions).await?;
        let mut draft = Draft {
            ways: self.ways,
            now: self.now,
            decisions: Vec::new(),
            groups: Groups::default(),
        };
        let recipients = envelope.recipients.iter().zip(expansions);
        for (original, (recipient, expansion)) in (0..).zip(recipients) {
            draft.add(original, &recipient.address, expansion);
        }
        let expanded = draft.expanded();
        Ok(Route {
            decisions: draft.decisions,
            jobs: draft.groups.into_jobs(own, &passed_on, &expanded),
        })
    }

    /// Follows every recipient. Those that lead through an alias are compared
    /// with where the message has been, which is looked up once.
    async fn expand(&self, entry: &Entry) -> Result<Vec<Expansion>, Error> {
        let expander = Expander::new(self.directory).with_srs(self.rewriter, self.now);
        let mut visited: Option<HashSet<Address>> = None;
        let mut expansions = Vec::new();
        for recipient in &entry.acceptance.envelope.recipients {
            let mut expansion = expander.expand(&recipient.address).await?;
            if expansion.aliases().next().is_some() {
                let visited = match &mut visited {
                    Some(visited) => visited,
                    None => visited.insert(self.visited(entry).await?),
                };
                if expansion
                    .aliases()
                    .any(|alias| visited.contains(&alias.folded()))
                {
                    expansion = expander.without(visited).expand(&recipient.address).await?;
                }
            }
            expansions.push(expansion);
        }
        Ok(expansions)
    }

    async fn visited(&self, entry: &Entry) -> Result<HashSet<Address>, Error> {
        trail::read(self.content, &entry.acceptance.content)
            .await
            .map_err(Error::Header)
    }

    /// The return path of what aliases pass on: rewritten where it is not ours,
    /// kept where it is null or has no room.
    async fn passed_on(
        &self,
        own: &ReversePath,
        expansions: &[Expansion],
    ) -> Result<ReversePath, StoreError> {
        let (Some(rewriter), Some(sender)) = (self.rewriter, own.address()) else {
            return Ok(own.clone());
        };
        let mut reached = expansions.iter().flat_map(|expansion| &expansion.reached);
        let leaves =
            reached.any(|end| matches!(end, Reached::Remote { chain, .. } if !chain.is_empty()));
        let is_ours = sender.domain() == rewriter.domain()
            || leaves && self.directory.domain(sender.domain()).await?.is_some();
        if !leaves || is_ours {
            return Ok(own.clone());
        }
        let rewritten = rewriter.rewrite(sender, self.now);
        Ok(rewritten.map_or_else(|| own.clone(), ReversePath::Address))
    }
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
                    let way = Way {
                        destination,
                        passed_on_by: chain.clone(),
                    };
                    self.groups.remote(original, way, &address);
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
        for dead_end in &expansion.dead_ends {
            let (status, text) = reason(dead_end);
            let outcome = self.failed(status, text);
            self.end(original, Some(dead_end.address.clone()), outcome);
        }
        if expansion.truncated {
            let text = format!("{address}: stands for more addresses than one message may reach");
            let outcome = self.failed(LOOP, text);
            self.end(original, None, outcome);
        }
        if expansion.reached.is_empty() && expansion.dead_ends.is_empty() && !expansion.truncated {
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
                outcome: Some(self.expansion(address, expansion.reached.len())),
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

    fn expansion(&self, address: &Address, count: usize) -> Outcome {
        Outcome {
            verdict: Verdict::Expanded,
            status: EnhancedStatus::new(2, 1, 5),
            diagnostic: Diagnostic::ours(format!("{address}: passed on to {count} addresses")),
            at: self.now,
        }
    }

    /// The originals that were expanded.
    fn expanded(&self) -> BTreeSet<u32> {
        let decisions = self.decisions.iter();
        let expanded = decisions.filter(|decision| decision.why == Why::Expanded);
        expanded.map(|decision| decision.original).collect()
    }
}

/// Bad destination mailbox address (RFC 3463 §3.2).
const UNKNOWN: EnhancedStatus = EnhancedStatus::new(5, 1, 1);
/// Routing loop detected (RFC 3463 §3.5).
const LOOP: EnhancedStatus = EnhancedStatus::new(5, 4, 6);

fn reason(DeadEnd { address, why }: &DeadEnd) -> (EnhancedStatus, String) {
    match why {
        Impasse::Unknown => (UNKNOWN, format!("{address}: nobody has this address")),
        Impasse::Srs(error) => (error.status(), format!("{address}: {error}")),
        Impasse::Loop => {
            let text = format!("{address}: passed this message on before (Delivered-To)");
            (LOOP, text)
        }
    }
}
