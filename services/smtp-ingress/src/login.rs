//! Checking passwords (RFC 4954), in constant ignorance of who exists.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use message::{AccountId, Address};
use smtp::Reply;
use smtp::server::Credentials;
use store::Directory;
use store::directory::PasswordHash;
use tokio::sync::Semaphore;

use crate::replies;

/// A hash that no password has, of the cost that new accounts get: what unknown
/// users are checked against, so that they take as long as known ones.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$cm9ocnBvc3Qtbm9ib2R5\
                      $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Checks credentials, a few at a time: each check takes 19 MiB and tens of
/// milliseconds of a core.
pub(crate) struct Logins {
    directory: Arc<dyn Directory>,
    checks: Arc<Semaphore>,
    failure_delay: Duration,
}

impl Logins {
    pub(crate) fn new(directory: Arc<dyn Directory>, failure_delay: Duration) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            directory,
            checks: Arc::new(Semaphore::new(cores)),
            failure_delay,
        }
    }

    /// Whose credentials these are; else, after a delay, what to reply.
    pub(crate) async fn check(&self, credentials: &Credentials) -> Result<AccountId, Reply> {
        let account = match credentials.user.parse::<Address>() {
            Ok(address) => self.directory.account_at(&address).await.map_err(|error| {
                tracing::error!(%error, "cannot look up an account to log in");
                replies::login_not_now()
            })?,
            Err(_) => None,
        };
        let hash = match &account {
            Some(account) => account.password.clone(),
            None => PasswordHash::new(NOBODY.to_owned()),
        };
        let right = self
            .verify(credentials.password.expose().to_owned(), hash)
            .await?;
        match account {
            Some(account) if right => Ok(account.id),
            Some(_) | None => {
                tokio::time::sleep(self.failure_delay).await;
                Err(replies::wrong_credentials())
            }
        }
    }

    async fn verify(&self, password: String, hash: PasswordHash) -> Result<bool, Reply> {
        // The semaphore is never closed, and a check does not panic.
        let permit = Arc::clone(&self.checks).acquire_owned().await;
        let permit = permit.map_err(|_| replies::login_not_now())?;
        let check = tokio::task::spawn_blocking(move || {
            // Held here, so that a client that hangs up frees no place early.
            let _permit = permit;
            Argon2::default()
                .verify_password(password.as_bytes(), hash.expose())
                .is_ok()
        });
        check.await.map_err(|_| replies::login_not_now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_nobody_is_checked_to_the_end() {
        let checked = Argon2::default().verify_password(b"x", NOBODY);
        assert_eq!(checked, Err(argon2::password_hash::Error::PasswordInvalid));
    }
}
