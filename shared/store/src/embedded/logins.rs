//! Failed logins, in memory: whoever stops the process to forget them has no need
//! to guess.

use std::time::Duration;

use async_trait::async_trait;

use super::EmbeddedStore;
use crate::StoreError;
use crate::logins::{Client, FailedLogins, LoginFailures, User};

#[async_trait]
impl LoginFailures for EmbeddedStore {
    async fn failed_logins(&self, client: Client, user: User) -> Result<FailedLogins, StoreError> {
        Ok(self.logins.failed(client, user, self.clock.monotonic()))
    }

    async fn count_failed_login(
        &self,
        client: Client,
        user: User,
        window: Duration,
    ) -> Result<FailedLogins, StoreError> {
        let now = self.clock.monotonic();
        Ok(self.logins.count(client, user, now, window))
    }
}
