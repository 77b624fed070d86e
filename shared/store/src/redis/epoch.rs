//! The store's epoch: how often it may have lost what it had answered.
//!
//! Redis with `appendfsync always` loses nothing by a restart. It does when an
//! older copy takes its place: a replica, which lags behind, or a backup. UIDs
//! and modification sequences that clients have seen would then be given again,
//! to other messages. So the epoch rises, and each account's next numbers jump
//! before it is used again.
//!
//! Each process that uses mailboxes looks once a second whether the server's
//! history went on elsewhere (`master_replid2`), and whether the server has
//! forgotten a time that the process remembers; a promoted replica and a restored
//! backup are found so. What is not found: a backup put in place while no process
//! runs. Whoever does that raises the epoch by hand, [`RedisStore::raise_epoch`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::RedisError;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::RedisStore;
use super::connection::{Call, Link};
use super::failure::{is_denied, translated};
use crate::StoreError;

const INTERVAL: Duration = Duration::from_secs(1);

/// What the keys that span accounts begin with.
const KEY: &str = "m:{index}";

/// The epoch, as far as this process knows, and the task that looks for it.
#[derive(Debug)]
pub(super) struct Epoch {
    number: Arc<AtomicU64>,
    /// None where this process may not use mailboxes.
    watch: Option<JoinHandle<()>>,
}

impl Epoch {
    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.abort();
        }
    }
}

/// How the store stands after losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How often it may have lost what it had answered.
    pub epoch: u64,
    /// The epoch that an operator has seen to.
    pub confirmed: u64,
}

impl Standing {
    /// Whether nothing is lost that an operator has not seen to. Until then,
    /// content without an entry may be mail whose entry was lost.
    pub fn is_settled(self) -> bool {
        self.epoch == self.confirmed
    }
}

/// Keeps the epoch true to the server until it is dropped. The first look is taken
/// before this returns.
pub(super) async fn watch(link: &Link) -> Result<Epoch, StoreError> {
    let number = Arc::new(AtomicU64::new(0));
    let mut witness = Witness {
        link: link.observer(),
        number: number.clone(),
        fence: 0,
    };
    let watch = match witness.look().await {
        Err(error) if is_denied(&error) => {
            tracing::debug!("may not use mailboxes, and needs no epoch");
            None
        }
        Err(error) => return Err(translated(&error)),
        Ok(()) => Some(tokio::spawn(witness.look_on())),
    };
    Ok(Epoch { number, watch })
}

/// A process that remembers.
struct Witness {
    link: Link,
    number: Arc<AtomicU64>,
    /// The highest fence that the server named.
    fence: u64,
}

impl Witness {
    async fn look_on(mut self) {
        loop {
            sleep(INTERVAL).await;
            // While the server is away no numbers are given.
            let _ = self.look().await;
        }
    }

    async fn look(&mut self) -> Result<(), RedisError> {
        let info = self.link.info("replication").await?;
        let call = Call::write("mailbox_witness", KEY)
            .arg(info.text("master_replid").unwrap_or_default())
            .arg(info.text("master_replid2").unwrap_or_default())
            .arg(self.fence);
        let (number, confirmed, fence): (u64, u64, u64) = self.link.try_call(&call).await?;
        self.fence = fence;
        if self.number.swap(number, Ordering::Relaxed) != number && number != confirmed {
            tracing::error!(
                epoch = number,
                "the store may have lost mail that was accepted: an older copy of it is in use; \
                 numbers of mailboxes jump; run `rohrpost check --recover`"
            );
        }
        Ok(())
    }
}

impl RedisStore {
    /// How the store stands after losses.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn standing(&self) -> Result<Standing, StoreError> {
        let call = Call::read("mailbox_standing", KEY);
        let (epoch, confirmed, _fence): (u64, u64, u64) = self.link.call(call).await?;
        Ok(Standing { epoch, confirmed })
    }

    /// Says that an older copy of the store was put in place: the next numbers of
    /// all mailboxes jump. Processes notice within a second; to be done before
    /// they are started.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn raise_epoch(&self) -> Result<(), StoreError> {
        let call = Call::write("mailbox_raise_epoch", KEY).once();
        let epoch = self.link.call(call).await?;
        self.epoch.number.store(epoch, Ordering::Relaxed);
        Ok(())
    }

    /// Says that an operator has seen to what was lost.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn confirm_epoch(&self) -> Result<(), StoreError> {
        let call = Call::write("mailbox_confirm_epoch", KEY);
        self.link.call::<u64>(call).await.map(drop)
    }
}
