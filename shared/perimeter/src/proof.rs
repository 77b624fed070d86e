//! Passwords that were right a short time ago, so that a client which comes every
//! minute, or five times at once, costs one check.
//!
//! Kept is a hash of the password and of what it was checked against, under a key
//! that is drawn at start and stays in this process: whoever reads it learns no
//! password, and a changed password is another. Bounded: beyond a number of
//! accounts the one that logged in the longest time ago is forgotten.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use message::{AccountId, Clock, Randomness, Secret};
use store::directory::PasswordHash;

/// The most accounts whose proofs are kept: a megabyte or two.
const MAX_ACCOUNTS: usize = 10_000;

/// A password together with the hash that it is to be checked against. Compared in
/// constant time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Proof(blake3::Hash);

/// The proofs that held.
pub(crate) struct Proofs {
    key: [u8; blake3::KEY_LEN],
    /// For how long a proof holds.
    lifetime: Duration,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_account: HashMap<AccountId, Held>,
    /// Accounts by when they were last used.
    by_use: BTreeMap<u64, AccountId>,
    uses: u64,
}

struct Held {
    proof: Proof,
    ends: Duration,
    used: u64,
}

impl Proofs {
    /// Proofs that hold for `lifetime`; with none at all, none is kept.
    pub(crate) fn new(lifetime: Duration, clock: Arc<dyn Clock>, random: &dyn Randomness) -> Self {
        let mut key = [0; blake3::KEY_LEN];
        random.fill(&mut key);
        Self {
            key,
            lifetime,
            clock,
            kept: Mutex::default(),
        }
    }

    /// The proof that `user` gives; two users have none in common.
    pub(crate) fn of(&self, user: &str, password: &Secret, hash: &PasswordHash) -> Proof {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in [user, password.expose(), hash.expose()] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        Proof(hasher.finalize())
    }

    /// Whether an account gave this proof a short time ago, and it held.
    pub(crate) fn holds(&self, account: AccountId, proof: Proof) -> bool {
        let now = self.clock.monotonic();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let held = kept.by_account.get(&account);
        let ends = held
            .filter(|held| held.proof == proof)
            .map(|held| held.ends);
        match ends.filter(|ends| *ends > now) {
            Some(ends) => {
                kept.put(account, proof, ends);
                true
            }
            None => false,
        }
    }

    /// An account gave this proof, and it held.
    pub(crate) fn keep(&self, account: AccountId, proof: Proof) {
        if self.lifetime.is_zero() {
            return;
        }
        let ends = self.clock.monotonic().saturating_add(self.lifetime);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(account, proof, ends);
    }
}

impl Kept {
    /// Puts an account behind all others, and forgets the foremost of too many.
    fn put(&mut self, account: AccountId, proof: Proof, ends: Duration) {
        self.uses += 1;
        let used = self.uses;
        let held = Held { proof, ends, used };
        if let Some(before) = self.by_account.insert(account, held) {
            self.by_use.remove(&before.used);
        }
        self.by_use.insert(used, account);
        if self.by_account.len() > MAX_ACCOUNTS
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.by_account.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use message::time::{ManualClock, SeededRandomness};

    const LIFETIME: Duration = Duration::from_secs(300);

    fn proofs(clock: &ManualClock, lifetime: Duration) -> Proofs {
        let random = SeededRandomness::new(1);
        Proofs::new(lifetime, Arc::new(clock.clone()), &random)
    }

    fn proof(proofs: &Proofs, password: &str, hash: &str) -> Proof {
        let hash = PasswordHash::new(hash.to_owned());
        proofs.of("anna", &Secret::new(password), &hash)
    }

    fn account(number: usize) -> AccountId {
        AccountId::from_bits(number as u64)
    }

    fn clock() -> ManualClock {
        ManualClock::at("2026-11-23T15:05:00Z")
    }

    #[test]
    fn a_proof_holds_for_the_very_password_hash_and_account_and_not_for_long() {
        let clock = clock();
        let proofs = proofs(&clock, LIFETIME);
        let right = proof(&proofs, "secret", "hash");
        assert!(!proofs.holds(account(1), right));
        proofs.keep(account(1), right);
        assert!(proofs.holds(account(1), right));
        assert!(!proofs.holds(account(2), right));
        for (password, hash) in [("secret", "hash2"), ("Secret", "hash"), ("secreth", "ash")] {
            let other = proof(&proofs, password, hash);
            assert!(!proofs.holds(account(1), other), "{password} {hash}");
        }
        clock.advance(LIFETIME / 2);
        assert!(proofs.holds(account(1), right));
        clock.advance(LIFETIME / 2);
        assert!(!proofs.holds(account(1), right), "use prolongs nothing");
    }

    #[test]
    fn where_none_is_to_hold_none_is_kept() {
        let proofs = proofs(&clock(), Duration::ZERO);
        let right = proof(&proofs, "secret", "hash");
        proofs.keep(account(1), right);
        assert!(!proofs.holds(account(1), right));
        assert!(proofs.kept.lock().unwrap().by_account.is_empty());
    }

    #[test]
    fn who_logged_in_the_longest_time_ago_is_forgotten() {
        let proofs = proofs(&clock(), LIFETIME);
        let right = proof(&proofs, "secret", "hash");
        for number in 0..MAX_ACCOUNTS {
            proofs.keep(account(number), right);
        }
        assert!(proofs.holds(account(0), right));
        proofs.keep(account(MAX_ACCOUNTS), right);
        assert!(proofs.holds(account(0), right), "it came again");
        assert!(!proofs.holds(account(1), right));
        let kept = proofs.kept.lock().unwrap();
        assert_eq!(kept.by_account.len(), MAX_ACCOUNTS);
        assert_eq!(kept.by_use.len(), MAX_ACCOUNTS);
    }
}
