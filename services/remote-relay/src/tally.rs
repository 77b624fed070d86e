//! What an attempt has come to so far, recipient by recipient.

use std::collections::BTreeMap;

use message::{Recipient, Timestamp, Verdict};
use store::ledger::Attempt;

use crate::classify::{self, Cause, Ruling};

/// The most recipients in one transaction: what every server takes
/// (RFC 5321 §4.5.3.1.8).
const MAX_RECIPIENTS: usize = 100;

/// Who is open, and what became of the others.
pub(crate) struct Tally {
    pub(crate) open: BTreeMap<u32, Recipient>,
    pub(crate) results: BTreeMap<u32, (Verdict, Cause)>,
    pub(crate) log: Vec<Attempt>,
    pub(crate) talked: bool,
    /// Our own content store is away.
    pub(crate) stranded: bool,
}

impl Tally {
    /// All of these are open.
    pub(crate) fn new(open: BTreeMap<u32, Recipient>) -> Self {
        Self {
            open,
            results: BTreeMap::new(),
            log: Vec::new(),
            talked: false,
            stranded: false,
        }
    }

    /// The recipients of the next transaction: those that need SMTPUTF8 apart,
    /// so that the others do not fail with them.
    pub(crate) fn next_batch(&self) -> Vec<u32> {
        let needs = |recipient: &Recipient| recipient.address.needs_smtputf8();
        let first = self.open.values().next().is_some_and(needs);
        let alike = self
            .open
            .iter()
            .filter(|(_, recipient)| needs(recipient) == first);
        alike
            .map(|(index, _)| *index)
            .take(MAX_RECIPIENTS)
            .collect()
    }

    pub(crate) fn settle(&mut self, index: u32, verdict: Verdict, cause: Cause) {
        if self.open.remove(&index).is_some() {
            self.results.insert(index, (verdict, cause));
        }
    }

    pub(crate) fn settle_these(&mut self, indexes: &[u32], ruling: &Ruling) {
        for index in indexes {
            self.settle(*index, ruling.verdict(false), ruling.clone().into_cause());
        }
    }

    pub(crate) fn settle_open(&mut self, ruling: Ruling) {
        let open: Vec<_> = self.open.keys().copied().collect();
        self.settle_these(&open, &ruling);
    }

    /// Settles all that are open without having visited any host.
    pub(crate) fn conclude(&mut self, at: Timestamp, ruling: Ruling) {
        self.log.push(Attempt {
            at,
            host: None,
            peer: None,
            tls: None,
            result: ruling.cause().diagnostic.text().to_owned(),
        });
        self.settle_open(ruling);
    }

    /// The content of those that are open cannot be read for now.
    pub(crate) fn strand(&mut self) {
        self.stranded = true;
        self.settle_open(classify::content_away());
    }

    pub(crate) fn contact(&self) -> Contact {
        if self.talked {
            return Contact::Talked;
        }
        // Without a session all share one ruling.
        match self.results.values().next() {
            Some((Verdict::Deferred, cause)) => Contact::Unreachable(cause.clone()),
            Some(_) | None => Contact::Absent,
        }
    }
}

/// What the attempt says about the destination as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Contact {
    /// A host of it led a session with us.
    Talked,
    /// No host of it would, or could be found just now.
    Unreachable(Cause),
    /// It has no host, for good.
    Absent,
}
