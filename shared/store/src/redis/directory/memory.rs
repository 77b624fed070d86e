//! What a process remembers of the directory, so that mail to the same recipients
//! does not ask for them again: the server answers what it is asked between two
//! fsyncs, and a session that waits for that takes longer over each message.
//!
//! Edits publish that they were made. While that is heard, an answer is remembered
//! until the next edit, whatever it changed: edits are rare beside messages. An
//! edit made here is known at once, one made elsewhere as soon as its message is
//! in; and whatever goes wrong with messages, an answer is forgotten after
//! [`HOLDS`].

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use message::{AccountId, Address, Domain};
use redis::{Client, Msg};
use tokio::time::Instant;

use super::super::channel::{Channel, Ear};
use crate::StoreError;
use crate::directory::{Account, DomainRecord, Lookup};

/// The channel of the directory's edits.
const CHANNEL: &str = "d:changed";

/// How long an answer is good for.
const HOLDS: Duration = Duration::from_secs(5);

/// How many answers of a kind are remembered; with one more, all are forgotten.
const MOST: usize = 10_000;

/// The answers of the directory that many messages ask for.
pub(in super::super) struct Memory(Channel<Answers>);

/// Answers by what was asked.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) lookups: Shelf<Address, Lookup>,
    pub(super) accounts: Shelf<AccountId, Option<Account>>,
    pub(super) domains: Shelf<Domain, Option<DomainRecord>>,
}

impl Memory {
    pub(in super::super) fn new(client: Client) -> Self {
        Self(Channel::new(
            client,
            CHANNEL,
            "changes of the directory",
            Answers::default(),
        ))
    }

    /// The answers, and listening to what changes them.
    pub(super) fn answers(&self) -> &Answers {
        self.0.listen();
        self.0.ear()
    }

    /// An edit was made here, or may have been.
    pub(super) fn forget(&self) {
        self.0.ear().renew(Keep::AsBefore);
    }
}

impl Answers {
    /// Forgets all, and from now on keeps answers or does not.
    fn renew(&self, keep: Keep) {
        self.lookups.renew(keep);
        self.accounts.renew(keep);
        self.domains.renew(keep);
    }
}

impl Ear for Answers {
    fn begin(&self) {
        self.renew(Keep::FromNowOn);
    }

    fn hear(&self, _message: &Msg) {
        self.renew(Keep::AsBefore);
    }

    fn end(&self) {
        self.renew(Keep::NoMore);
    }
}

/// Whether answers are kept.
#[derive(Clone, Copy)]
enum Keep {
    FromNowOn,
    AsBefore,
    NoMore,
}

/// Answers to one kind of question.
pub(super) struct Shelf<Q, A>(Mutex<Kept<Q, A>>);

struct Kept<Q, A> {
    /// Whether changes are heard; nothing is kept otherwise.
    open: bool,
    /// How often all was forgotten. What was asked before is not kept after.
    edition: u64,
    answers: HashMap<Q, (A, Instant)>,
}

impl<Q, A> Default for Shelf<Q, A> {
    fn default() -> Self {
        Self(Mutex::new(Kept {
            open: false,
            edition: 0,
            answers: HashMap::new(),
        }))
    }
}

impl<Q: Eq + Hash, A: Clone> Shelf<Q, A> {
    /// The answer that is remembered, or else the one that `ask` gets.
    pub(super) async fn answer(
        &self,
        question: Q,
        ask: impl Future<Output = Result<A, StoreError>>,
    ) -> Result<A, StoreError> {
        let edition = match self.recall(&question) {
            Ok(answer) => return Ok(answer),
            Err(edition) => edition,
        };
        let answer = ask.await?;
        self.keep(question, answer.clone(), edition);
        Ok(answer)
    }

    /// What is remembered, or the edition in which nothing is.
    fn recall(&self, question: &Q) -> Result<A, u64> {
        let kept = self.kept();
        match kept.answers.get(question) {
            Some((answer, since)) if since.elapsed() < HOLDS => Ok(answer.clone()),
            Some(_) | None => Err(kept.edition),
        }
    }

    fn keep(&self, question: Q, answer: A, edition: u64) {
        let mut kept = self.kept();
        if !kept.open || kept.edition != edition {
            return;
        }
        if kept.answers.len() >= MOST {
            kept.answers.clear();
        }
        kept.answers.insert(question, (answer, Instant::now()));
    }
}

impl<Q, A> Shelf<Q, A> {
    fn kept(&self) -> MutexGuard<'_, Kept<Q, A>> {
        // Every change of it is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn renew(&self, keep: Keep) {
        let mut kept = self.kept();
        kept.open = match keep {
            Keep::FromNowOn => true,
            Keep::AsBefore => kept.open,
            Keep::NoMore => false,
        };
        kept.edition += 1;
        kept.answers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(shelf: &Shelf<u8, u8>, answer: u8) -> u8 {
        shelf.answer(1, async { Ok(answer) }).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_until_an_edit_or_for_a_while() {
        let shelf = Shelf::default();
        assert_eq!(ask(&shelf, 1).await, 1);
        assert_eq!(ask(&shelf, 2).await, 2, "changes are not heard");
        shelf.renew(Keep::FromNowOn);
        assert_eq!(ask(&shelf, 3).await, 3);
        assert_eq!(ask(&shelf, 4).await, 3);
        shelf.renew(Keep::AsBefore);
        assert_eq!(ask(&shelf, 5).await, 5);
        tokio::time::advance(HOLDS).await;
        assert_eq!(ask(&shelf, 6).await, 6);
        shelf.renew(Keep::NoMore);
        assert_eq!(ask(&shelf, 7).await, 7);
        assert_eq!(ask(&shelf, 8).await, 8);
    }

    #[tokio::test]
    async fn what_was_asked_before_an_edit_is_not_kept() {
        let shelf = Shelf::default();
        shelf.renew(Keep::FromNowOn);
        let before = shelf.answer(1, async {
            shelf.renew(Keep::AsBefore);
            Ok(1)
        });
        assert_eq!(before.await.unwrap(), 1);
        assert_eq!(ask(&shelf, 2).await, 2);
    }

    #[tokio::test]
    async fn no_more_is_kept_than_has_room() {
        let shelf = Shelf::default();
        shelf.renew(Keep::FromNowOn);
        for question in 0..=MOST {
            shelf.answer(question, async { Ok(()) }).await.unwrap();
        }
        assert!(shelf.kept().answers.len() <= MOST);
    }
}
