//! Passwords become argon2id hashes. One hash takes 19 MiB and some 20 ms of a
//! processor, so that few run at a time and none on a thread that serves others.

use std::sync::Arc;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use message::Randomness;
use store::directory::PasswordHash;
use tokio::sync::Semaphore;

use crate::api::Password;
use crate::refusal::Refusal;

const AT_ONCE: usize = 2;
const SHORTEST: usize = 8;
const LONGEST: usize = 256;

/// Hashes passwords, a few at a time.
pub(crate) struct Hasher {
    random: Arc<dyn Randomness>,
    slots: Arc<Semaphore>,
}

impl Hasher {
    pub(crate) fn new(random: Arc<dyn Randomness>) -> Self {
        Self {
            random,
            slots: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// The hash of an acceptable password.
    pub(crate) async fn hash(&self, password: Password) -> Result<PasswordHash, Refusal> {
        acceptable(&password)?;
        let mut salt = [0; 16];
        self.random.fill(&mut salt);
        let slot = self
            .slots
            .clone()
            .acquire_owned()
            .await
            .map_err(Refusal::internal)?;
        let work = move || {
            let _slot = slot;
            hash(&password, &salt)
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(Refusal::internal)?
    }
}

/// A hash that no login can be checked against, or only at a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnfitHash {
    #[error("not an argon2 hash such as $argon2id$v=19$m=19456,t=2,p=1$…")]
    Form,
    #[error("checking it would take more than 256 MiB or 16 passes")]
    Cost,
}

/// A hash that another system made.
pub(crate) fn taken_over(hash: &Password) -> Result<PasswordHash, UnfitHash> {
    let parsed = phc::PasswordHash::new(hash.expose()).map_err(|_| UnfitHash::Form)?;
    if Algorithm::try_from(parsed.algorithm.as_str()).is_err() || parsed.hash.is_none() {
        return Err(UnfitHash::Form);
    }
    let params = Params::try_from(&parsed).map_err(|_| UnfitHash::Form)?;
    if params.m_cost() > 256 * 1024 || params.t_cost() > 16 || params.p_cost() > 16 {
        return Err(UnfitHash::Cost);
    }
    Ok(PasswordHash::new(hash.expose().to_owned()))
}

fn acceptable(password: &Password) -> Result<(), Refusal> {
    let clear = password.expose();
    if clear.len() < SHORTEST || clear.len() > LONGEST {
        let detail = format_args!("a password must have {SHORTEST} to {LONGEST} octets");
        return Err(Refusal::invalid(detail));
    }
    if clear.chars().any(char::is_control) {
        return Err(Refusal::invalid(
            "a password must not have control characters",
        ));
    }
    Ok(())
}

fn hash(password: &Password, salt: &[u8]) -> Result<PasswordHash, Refusal> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default());
    let phc: phc::PasswordHash = argon2
        .hash_password_with_salt(password.expose().as_bytes(), salt)
        .map_err(|error| Refusal::internal(format_args!("cannot hash the password: {error}")))?;
    Ok(PasswordHash::new(phc.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordVerifier;
    use message::time::SeededRandomness;

    #[tokio::test]
    async fn a_hash_verifies_its_password_only() {
        let hasher = Hasher::new(Arc::new(SeededRandomness::new(1)));
        let hash = hasher.hash(Password::new("correct horse")).await.unwrap();
        assert!(
            hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            hash.expose()
        );
        let parsed = phc::PasswordHash::new(hash.expose()).unwrap();
        assert!(
            Argon2::default()
                .verify_password(b"correct horse", &parsed)
                .is_ok()
        );
        assert!(
            Argon2::default()
                .verify_password(b"wrong", &parsed)
                .is_err()
        );
        let again = hasher.hash(Password::new("correct horse")).await.unwrap();
        assert_ne!(hash, again, "each hash has a salt of its own");
    }

    #[tokio::test]
    async fn hashes_of_others_are_taken_if_they_can_be_checked() {
        let hasher = Hasher::new(Arc::new(SeededRandomness::new(1)));
        let ours = hasher.hash(Password::new("correct horse")).await.unwrap();
        let taken = taken_over(&Password::new(ours.expose()));
        assert_eq!(taken, Ok(ours.clone()));
        for (wrong, why) in [
            ("secret".to_owned(), UnfitHash::Form),
            ("$2y$10$abcdefghijklmnopqrstuv".to_owned(), UnfitHash::Form),
            (
                "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ".to_owned(),
                UnfitHash::Form,
            ),
            (
                ours.expose().replace("m=19456", "m=9999999"),
                UnfitHash::Cost,
            ),
            (ours.expose().replace("t=2", "t=99"), UnfitHash::Cost),
        ] {
            assert_eq!(taken_over(&Password::new(wrong)), Err(why));
        }
    }

    #[tokio::test]
    async fn unacceptable_passwords_are_refused() {
        let hasher = Hasher::new(Arc::new(SeededRandomness::new(1)));
        for wrong in ["short", &"x".repeat(257), "line\nbreak"] {
            assert!(
                hasher.hash(Password::new(wrong)).await.is_err(),
                "{wrong:?}"
            );
        }
    }
}
