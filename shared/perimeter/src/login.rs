//! Checking passwords, in constant ignorance of who exists.
//!
//! A login looks the account up, then asks whether its client and its account may
//! try at all, then whether the same password was right a moment ago, and only then
//! has it checked, a few at a time: each check takes 19 MiB and tens of
//! milliseconds of a core. A login that cannot be judged is put off, not refused.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use message::{AccountId, Address, Clock, Randomness, Secret};
use store::directory::{Account, PasswordHash};
use store::logins::{Client, User};
use store::{Directory, LoginFailures};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failures::Failures;
use crate::inquiry::{Inquiries, Verdict};
use crate::proof::Proofs;

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

/// What logins are checked with.
pub struct LoginPorts {
    /// Who has an account, and by which password.
    pub directory: Arc<dyn Directory>,
    /// Where failures are counted, for all instances.
    pub failures: Arc<dyn LoginFailures>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where the key of what is remembered is drawn from.
    pub random: Arc<dyn Randomness>,
}

/// Checks credentials.
pub struct Logins {
    directory: Arc<dyn Directory>,
    failures: Failures,
    failure_delay: Duration,
    proofs: Proofs,
    inquiries: Inquiries,
    checks: Arc<Semaphore>,
}

impl Logins {
    /// Checks by the configured limits. An answer to a failure is kept back for
    /// `auth_failure_delay`, doubled with each further one from the same address,
    /// up to 16 times as long.
    pub fn new(config: &config::Smtp, ports: LoginPorts) -> Self {
        let LoginPorts {
            directory,
            failures,
            clock,
            random,
        } = ports;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let remembered = config.auth_cache.duration();
        Self {
            directory,
            failures: Failures::new(config, failures, Arc::clone(&clock)),
            failure_delay: config.auth_failure_delay.duration(),
            proofs: Proofs::new(remembered, clock, random.as_ref()),
            inquiries: Inquiries::default(),
            checks: Arc::new(Semaphore::new(cores)),
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
        let client = Client::at(client);
        let account = self.account(user).await?;
        let (who, hash) = match &account {
            Some(account) => (User::Account(account.id), account.password.clone()),
            None => (User::nobody(user), PasswordHash::new(NOBODY.to_owned())),
        };
        self.failures.judge(client, who).await?;
        let proof = self
            .proofs
            .of(&name(user, account.as_ref()), password, &hash);
        if let Some(account) = &account
            && self.proofs.holds(account.id, proof)
        {
            return Ok(account.id);
        }
        let verification = self.verify(client, who, hash, password);
        let verdict = self.inquiries.once(proof, verification).await?;
        match (verdict, account) {
            (Verdict::Right, Some(account)) => {
                self.proofs.keep(account.id, proof);
                Ok(account.id)
            }
            (Verdict::Right, None) => Err(Denied::Wrong),
            (Verdict::Wrong(before), _) => {
                let factor = 2_u32.pow(before.min(MAX_DOUBLINGS));
                tokio::time::sleep(self.failure_delay * factor).await;
                Err(Denied::Wrong)
            }
        }
    }

    async fn account(&self, user: &str) -> Result<Option<Account>, Denied> {
        let Ok(address) = user.parse::<Address>() else {
            return Ok(None);
        };
        self.directory.account_at(&address).await.map_err(|error| {
            error.log("cannot look up an account to log in");
            Denied::NotNow
        })
    }

    /// Checks a password in its turn, and counts it where it is wrong.
    async fn verify(
        &self,
        client: Client,
        who: User,
        hash: PasswordHash,
        password: &Secret,
    ) -> Result<Verdict, Denied> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.checks).acquire_owned().await;
        let permit = permit.map_err(|_| Denied::NotNow)?;
        // Again: guesses sent side by side have waited for one another here.
        self.failures.judge_here(client, who)?;
        let (right, permit) = verify(password.clone(), hash, permit).await?;
        if right {
            return Ok(Verdict::Right);
        }
        let here = self.failures.count_here(client, who);
        drop(permit);
        let everywhere = self.failures.count(client, who).await;
        Ok(Verdict::Wrong(here.max(everywhere)))
    }
}

/// What tells one user from another: however an account's address is written, it is
/// one account.
fn name(user: &str, account: Option<&Account>) -> String {
    match account {
        Some(account) => account.id.to_string(),
        None => format!("?{user}"),
    }
}

/// Whether the password is the hash's. The permit is held to the end, so that a
/// client that hangs up frees no place early.
async fn verify(
    password: Secret,
    hash: PasswordHash,
    permit: OwnedSemaphorePermit,
) -> Result<(bool, OwnedSemaphorePermit), Denied> {
    let check = tokio::task::spawn_blocking(move || {
        let password = password.expose().as_bytes();
        let checked = Argon2::default().verify_password(password, hash.expose());
        (checked.is_ok(), permit)
    });
    // A check does not panic.
    check.await.map_err(|_| Denied::NotNow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::PasswordHasher;
    use argon2::{Algorithm, Params, Version};
    use message::time::{ManualClock, SeededRandomness};
    use store::directory::DomainRecord;
    use store::{EmbeddedStore, StoreOptions};
    use tempfile::TempDir;
    use tokio::time::timeout;

    const ALICE: &str = "alice@example.org";

    #[test]
    fn the_hash_of_nobody_is_checked_to_the_end() {
        let checked = Argon2::default().verify_password(b"x", NOBODY);
        assert_eq!(checked, Err(argon2::password_hash::Error::PasswordInvalid));
    }

    /// Logins of Alice, whose password is `secret`.
    async fn logins(folder: &TempDir, clock: &ManualClock, config: &config::Smtp) -> Logins {
        let options = StoreOptions::default();
        let failed = Arc::new(|error: &std::io::Error| panic!("fsync: {error}"));
        let clock = Arc::new(clock.clone());
        let store = EmbeddedStore::open(folder.path(), options, clock.clone(), failed);
        let store = Arc::new(store.unwrap());
        let domain = DomainRecord {
            name: "example.org".parse().unwrap(),
            postmaster: ALICE.parse().unwrap(),
            catch_all: None,
        };
        store.add_domain(domain).await.unwrap();
        let params = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon2.hash_password(b"secret").unwrap();
        let account = Account {
            id: AccountId::from_bits(1),
            address: ALICE.parse().unwrap(),
            password: PasswordHash::new(hash.to_string()),
            quota: Default::default(),
        };
        store.add_account(account).await.unwrap();
        let ports = LoginPorts {
            directory: store.clone(),
            failures: store,
            clock,
            random: Arc::new(SeededRandomness::new(1)),
        };
        Logins::new(config, ports)
    }

    /// Logs in; none where the password waits to be checked.
    async fn login(logins: &Logins, password: &str) -> Option<Result<AccountId, Denied>> {
        let (client, password) = ([192, 0, 2, 1].into(), Secret::new(password));
        let login = logins.check(client, ALICE, &password);
        timeout(Duration::from_secs(1), login).await.ok()
    }

    /// Takes the place of all checks.
    async fn all_checks(logins: &Logins) -> OwnedSemaphorePermit {
        let places = logins.checks.available_permits() as u32;
        let checks = Arc::clone(&logins.checks);
        checks.acquire_many_owned(places).await.unwrap()
    }

    #[tokio::test]
    async fn a_right_password_is_not_checked_again_for_a_while() {
        let (folder, clock) = (TempDir::new().unwrap(), clock());
        let logins = logins(&folder, &clock, &config::Smtp::default()).await;
        let right = Some(Ok(AccountId::from_bits(1)));
        assert_eq!(login(&logins, "secret").await, right);
        let busy = all_checks(&logins).await;
        assert_eq!(login(&logins, "secret").await, right);
        assert_eq!(login(&logins, "guess").await, None);
        clock.advance(Duration::from_secs(5 * 60));
        assert_eq!(login(&logins, "secret").await, None);
        drop(busy);
        assert_eq!(login(&logins, "secret").await, right);
    }

    #[tokio::test]
    async fn every_login_is_checked_where_nothing_is_to_be_known() {
        let (folder, clock) = (TempDir::new().unwrap(), clock());
        let config = config::Smtp {
            auth_cache: config::Span::seconds(0),
            ..config::Smtp::default()
        };
        let logins = logins(&folder, &clock, &config).await;
        let right = Some(Ok(AccountId::from_bits(1)));
        assert_eq!(login(&logins, "secret").await, right);
        let _busy = all_checks(&logins).await;
        assert_eq!(login(&logins, "secret").await, None);
    }

    fn clock() -> ManualClock {
        ManualClock::at("2026-11-23T15:05:00Z")
    }
}
