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
