//! Failed logins on Redis: a key for each client and each user that failed, which
//! expires with its window. So there are at most as many keys as passwords can be
//! checked in that time, and a password takes tens of milliseconds of a core.
//!
//! At `maxmemory` nothing is counted here; services go on by their own counts.

use std::time::Duration;

use async_trait::async_trait;

use super::RedisStore;
use super::connection::Call;
use crate::StoreError;
use crate::logins::{Client, FailedLogins, LoginFailures, User};

/// The library `rohrpost_logins`.
pub(super) const FUNCTIONS: &[&str] = &[include_str!("functions/logins/failure.lua")];

/// What all keys of failed logins begin with: one hash tag, for a client and a user
/// are counted in one step.
const KEY: &str = "f:{logins}";

#[async_trait]
impl LoginFailures for RedisStore {
    async fn failed_logins(&self, client: Client, user: User) -> Result<FailedLogins, StoreError> {
        let call = about(Call::read("logins_failed", KEY), client, user);
        let reply = self.link.call(call.arg(self.link.now())).await?;
        Ok(read(reply))
    }

    async fn count_failed_login(
        &self,
        client: Client,
        user: User,
        window: Duration,
    ) -> Result<FailedLogins, StoreError> {
        let window = u64::try_from(window.as_micros()).unwrap_or(u64::MAX);
        let call = about(Call::write("logins_count", KEY), client, user)
            .arg(self.link.now())
            .arg(window.min(WINDOW_MAX))
            // Repeated, it would count twice.
            .once();
        let reply = self.link.call(call).await?;
        Ok(read(reply))
    }
}

/// Ten years in microseconds: with the time of day added, still exact in Lua.
const WINDOW_MAX: u64 = 10 * 365 * 86_400 * 1_000_000;

/// The ends of both keys.
fn about(call: Call, client: Client, user: User) -> Call {
    let user = match user {
        User::Account(account) => format!("account:{account}"),
        User::Nobody(kind) => format!("nobody:{kind}"),
    };
    call.arg(format!("client:{}", client.address())).arg(user)
}

fn read((from_client, for_user): (u32, u32)) -> FailedLogins {
    FailedLogins {
        from_client,
        for_user,
    }
}
