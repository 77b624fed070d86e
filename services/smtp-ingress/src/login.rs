//! Checking passwords (RFC 4954), in constant ignorance of who exists.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use message::{AccountId, Address};
use smtp::Reply;
use smtp::server::Credentials;
use store::Directory;
use store::directory::{Account, PasswordHash};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failures::{Failures, TooMany, User};
use crate::replies;

/// How often the delay doubles with the failures of one client.
const MAX_DOUBLINGS: u32 = 4;

/// A hash that no password has, of the cost that new accounts get: what unknown
/// users are checked against, so that they take as long as known ones.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$cm9ocnBvc3Qtbm9ib2R5\
                      $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Checks credentials, a few at a time: each check takes 19 MiB and tens of
/// milliseconds of a core.
pub(crate) struct Logins {
    directory: Arc<dyn Directory>,
    checks: Arc<Semaphore>,
    failures: Failures,
    failure_delay: Duration,
}

impl Logins {
    pub(crate) fn new(
        directory: Arc<dyn Directory>,
        failures: Failures,
        failure_delay: Duration,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            directory,
            checks: Arc::new(Semaphore::new(cores)),
            failures,
            failure_delay,
        }
    }

    /// Whose credentials these are; else, after a delay, what to reply.
    pub(crate) async fn check(
        &self,
        client: IpAddr,
        credentials: &Credentials,
    ) -> Result<AccountId, Reply> {
        let account = self.account(&credentials.user).await?;
        let user = match &account {
            Some(account) => User::Account(account.id),
            None => User::nobody(&credentials.user),
        };
        self.failures.judge(client, &user).map_err(too_many)?;
        // The semaphore is never closed.
        let permit = Arc::clone(&self.checks).acquire_owned().await;
        let permit = permit.map_err(|_| replies::login_not_now())?;
        // Again: guesses sent side by side have waited for one another here.
        self.failures.judge(client, &user).map_err(too_many)?;
        let hash = match &account {
            Some(account) => account.password.clone(),
            None => PasswordHash::new(NOBODY.to_owned()),
        };
        let password = credentials.password.expose().to_owned();
        let (right, permit) = verify(password, hash, permit).await?;
        if let Some(account) = account.filter(|_| right) {
            return Ok(account.id);
        }
        let failed = self.failures.count(client, user);
        drop(permit);
        tokio::time::sleep(self.failure_delay * 2_u32.pow(failed.min(MAX_DOUBLINGS))).await;
        Err(replies::wrong_credentials())
    }

    async fn account(&self, user: &str) -> Result<Option<Account>, Reply> {
        let Ok(address) = user.parse::<Address>() else {
            return Ok(None);
        };
        self.directory.account_at(&address).await.map_err(|error| {
            tracing::error!(%error, "cannot look up an account to log in");
            replies::login_not_now()
        })
    }
}

/// Whether the password is the hash's. The permit is held to the end, so that a
/// client that hangs up frees no place early.
async fn verify(
    password: String,
    hash: PasswordHash,
    permit: OwnedSemaphorePermit,
) -> Result<(bool, OwnedSemaphorePermit), Reply> {
    let check = tokio::task::spawn_blocking(move || {
        let checked = Argon2::default().verify_password(password.as_bytes(), hash.expose());
        (checked.is_ok(), permit)
    });
    // A check does not panic.
    check.await.map_err(|_| replies::login_not_now())
}

fn too_many(limit: TooMany) -> Reply {
    match limit {
        TooMany::FromClient => replies::too_many_failures_from_client(),
        TooMany::ForAccount => replies::too_many_failures_for_account(),
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
