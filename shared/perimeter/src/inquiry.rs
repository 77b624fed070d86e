//! Checks of passwords that are under way: logins that come with the same password
//! meanwhile wait for that check.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use crate::Denied;
use crate::proof::Proof;

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    /// Wrong, after so many failures from the client that had it checked.
    Wrong(u32),
}

/// The checks under way: at most as many as logins.
#[derive(Default)]
pub(crate) struct Inquiries(Mutex<HashMap<Proof, Inquiry>>);

struct Inquiry {
    verdict: Arc<OnceCell<Verdict>>,
    waiting: usize,
}

/// A login that waits.
struct Waiting<'a> {
    inquiries: &'a Inquiries,
    proof: Proof,
    verdict: Arc<OnceCell<Verdict>>,
}

impl Inquiries {
    /// What is found of `proof`, by `check` or by the same check of another login.
    /// Where one fails, or its login is given up, the next begins.
    pub(crate) async fn once(
        &self,
        proof: Proof,
        check: impl Future<Output = Result<Verdict, Denied>>,
    ) -> Result<Verdict, Denied> {
        let waiting = self.join(proof);
        let verdict = waiting.verdict.get_or_try_init(|| check).await;
        verdict.copied()
    }

    fn join(&self, proof: Proof) -> Waiting<'_> {
        let mut inquiries = self.lock();
        let inquiry = inquiries.entry(proof).or_insert_with(|| Inquiry {
            verdict: Arc::default(),
            waiting: 0,
        });
        inquiry.waiting += 1;
        Waiting {
            inquiries: self,
            proof,
            verdict: Arc::clone(&inquiry.verdict),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Proof, Inquiry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut inquiry) = self.inquiries.lock().entry(self.proof) {
            inquiry.get_mut().waiting -= 1;
            if inquiry.get().waiting == 0 {
                inquiry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Proofs;
    use message::Secret;
    use message::time::{ManualClock, SeededRandomness};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use store::directory::PasswordHash;

    fn proof(password: &str) -> Proof {
        let clock = Arc::new(ManualClock::at("2026-11-23T15:05:00Z"));
        let proofs = Proofs::new(Duration::ZERO, clock, &SeededRandomness::new(1));
        let hash = PasswordHash::new("hash".to_owned());
        proofs.of("anna", &Secret::new(password), &hash)
    }

    #[tokio::test]
    async fn logins_with_the_same_password_wait_for_one_check() {
        let inquiries = Inquiries::default();
        let checks = AtomicUsize::new(0);
        let login = |password| {
            let check = async {
                checks.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok(Verdict::Right)
            };
            inquiries.once(proof(password), check)
        };
        let found = tokio::join!(login("a"), login("a"), login("b"), login("a"));
        assert_eq!(found.0, Ok(Verdict::Right));
        assert_eq!(found.3, Ok(Verdict::Right));
        assert_eq!(checks.load(Ordering::Relaxed), 2, "a and b");
        assert!(inquiries.lock().is_empty());
    }

    #[tokio::test]
    async fn a_check_that_fails_or_is_given_up_is_made_by_the_next_login() {
        let inquiries = Inquiries::default();
        let fails = async {
            tokio::task::yield_now().await;
            Err(Denied::NotNow)
        };
        let hangs = std::future::pending();
        let (first, given_up, third) = tokio::join!(
            inquiries.once(proof("a"), fails),
            tokio::time::timeout(Duration::ZERO, inquiries.once(proof("b"), hangs)),
            inquiries.once(proof("a"), async { Ok(Verdict::Wrong(3)) }),
        );
        assert_eq!(first, Err(Denied::NotNow));
        assert!(given_up.is_err());
        assert_eq!(third, Ok(Verdict::Wrong(3)));
        assert!(inquiries.lock().is_empty());
    }
}
