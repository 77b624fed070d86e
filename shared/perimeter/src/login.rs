//! Checking passwords, in constant ignorance of who exists.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use message::{AccountId, Address, Secret};
use store::Directory;
use store::directory::{Account, PasswordHash};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failures::{Failures, TooMany, User};

/// How often the delay doubles with the failures of one client.
const MAX_DOUBLINGS: u32 = 4;

/// A hash that no password has, of the cost that new accounts get: what unknown
/// users are checked against, so that they take as long as known ones.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$cm9ocnBvc3Qtbm9ib2R5\
                      $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why somebody may not log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// User name or password is wrong.
    #[error("user name or password is wrong")]
    Wrong,
    /// Too many logins failed from there.
    #[error("too many failed logins from this address")]
    TooManyFromClient,
    /// Too many logins failed for that account.
    #[error("too many failed logins for this account")]
    TooManyForAccount,
    /// The directory does not answer.
    #[error("passwords cannot be checked now")]
    NotNow,
}

/// Checks credentials, a few at a time: each check takes 19 MiB and tens of
/// milliseconds of a core.
pub struct Logins {
    directory: Arc<dyn Directory>,
    checks: Arc<Semaphore>,
    failures: Failures,
    failure_delay: Duration,
}

impl Logins {
    /// Checks against the directory; an answer to a failure is kept back for
    /// `failure_delay`, doubled with each further one from the same address, up to
    /// 16 times as long.
    pub fn new(directory: Arc<dyn Directory>, failures: Failures, failure_delay: Duration) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            directory,
            checks: Arc::new(Semaphore::new(cores)),
            failures,
            failure_delay,
        }
    }

    /// Whose user name and password these are.
    ///
    /// # Errors
    /// When nobody's, after a delay; or when it cannot be said.
    pub async fn check(
        &self,
        client: IpAddr,
        user: &str,
        password: &Secret,
    ) -> Result<AccountId, Denied> {
        let account = self.account(user).await?;
        let who = match &account {
            Some(account) => User::Account(account.id),
            None => User::nobody(user),
        };
        self.failures.judge(client, &who).map_err(too_many)?;
        // The semaphore is never closed.
        let permit = Arc::clone(&self.checks).acquire_owned().await;
        let permit = permit.map_err(|_| Denied::NotNow)?;
        // Again: guesses sent side by side have waited for one another here.
        self.failures.judge(client, &who).map_err(too_many)?;
        let hash = match &account {
            Some(account) => account.password.clone(),
            None => PasswordHash::new(NOBODY.to_owned()),
        };
        let password = password.expose().to_owned();
        let (right, permit) = verify(password, hash, permit).await?;
        if let Some(account) = account.filter(|_| right) {
            return Ok(account.id);
        }
        let failed = self.failures.count(client, who);
        drop(permit);
        tokio::time::sleep(self.failure_delay * 2_u32.pow(failed.min(MAX_DOUBLINGS))).await;
        Err(Denied::Wrong)
    }

    async fn account(&self, user: &str) -> Result<Option<Account>, Denied> {
        let Ok(address) = user.parse::<Address>() else {
            return Ok(None);
        };
        self.directory.account_at(&address).await.map_err(|error| {
            tracing::error!(%error, "cannot look up an account to log in");
            Denied::NotNow
        })
    }
}

/// Whether the password is the hash's. The permit is held to the end, so that a
/// client that hangs up frees no place early.
async fn verify(
    password: String,
    hash: PasswordHash,
    permit: OwnedSemaphorePermit,
) -> Result<(bool, OwnedSemaphorePermit), Denied> {
    let check = tokio::task::spawn_blocking(move || {
        let checked = Argon2::default().verify_password(password.as_bytes(), hash.expose());
        (checked.is_ok(), permit)
    });
    // A check does not panic.
    check.await.map_err(|_| Denied::NotNow)
}

fn too_many(limit: TooMany) -> Denied {
    match limit {
        TooMany::FromClient => Denied::TooManyFromClient,
        TooMany::ForAccount => Denied::TooManyForAccount,
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
