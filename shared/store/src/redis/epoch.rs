//! The store's epoch on Redis.
//!
//! With `appendfsync always` the server loses nothing by a restart. Each process
//! that uses mailboxes looks once a second whether the server's history went on
//! elsewhere (`master_replid2`: a promoted replica), and whether the server has
//! forgotten a time that the process remembers: a backup put in place. That time
//! moves on every ten seconds, so a backup that is younger is not found.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use message::Timestamp;
use redis::RedisError;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::RedisStore;
use super::connection::{Call, Link};
use super::failure::{corrupt, is_denied, translated};
use crate::StoreError;
use crate::mailbox::{ABSENCE, Absence, Cause, Epochs, Standing};

const INTERVAL: Duration = Duration::from_secs(1);

/// What the keys that span accounts begin with.
const KEY: &str = "m:{index}";

/// The epoch, as far as this process knows, and the task that looks for it.
pub(super) struct Epoch {
    witness: Arc<Witness>,
    /// None where this process may not use mailboxes.
    watch: Option<JoinHandle<()>>,
}

impl Epoch {
    pub(super) fn number(&self) -> u64 {
        self.witness.number.load(Ordering::Relaxed)
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.abort();
        }
    }
}

/// Keeps the epoch true to the server until it is dropped. The first look is taken
/// before this returns.
pub(super) async fn watch(link: &Link) -> Result<Epoch, StoreError> {
    let witness = Arc::new(Witness {
        link: link.observer(),
        number: AtomicU64::new(0),
        fence: AtomicU64::new(0),
    });
    let watch = match witness.look().await {
        Err(error) if is_denied(&error) => {
            tracing::debug!("may not use mailboxes, and needs no epoch");
            None
        }
        Err(error) => return Err(translated(&error)),
        Ok(_) => Some(tokio::spawn(witness.clone().look_on())),
    };
    Ok(Epoch { witness, watch })
}

/// A process that remembers.
struct Witness {
    link: Link,
    /// The highest epoch that the server named.
    number: AtomicU64,
    /// The highest fence.
    fence: AtomicU64,
}

impl Witness {
    async fn look_on(self: Arc<Self>) {
        loop {
            sleep(INTERVAL).await;
            // While the server is away no numbers are given.
            let _ = self.look().await;
        }
    }

    async fn look(&self) -> Result<Told, RedisError> {
        let info = self.link.info("replication").await?;
        let call = Call::write("mailbox_witness", KEY)
            .arg(info.text("master_replid").unwrap_or_default())
            .arg(info.text("master_replid2").unwrap_or_default())
            .arg(self.fence.load(Ordering::Relaxed))
            .arg(self.number.load(Ordering::Relaxed))
            .arg(ABSENCE.as_micros() as u64);
        let told = self.link.try_call(&call).await?;
        self.remember(&told);
        Ok(told)
    }

    fn remember(&self, told: &Told) {
        let (_, [epoch, confirmed, .., fence]) = told;
        self.fence.fetch_max(*fence, Ordering::Relaxed);
        let known = self.number.fetch_max(*epoch, Ordering::Relaxed);
        if known < *epoch && epoch != confirmed {
            tracing::error!(
                epoch,
                "the store may have lost mail that was accepted: an older copy of it is in use; \
                 numbers of mailboxes jump; run `rohrpost check --recover`"
            );
        }
    }
}

/// Cause, then epoch, confirmed epoch, and times: until when the copy knows what
/// was answered, away, back, fence.
type Told = (String, [u64; 6]);

fn standing((cause, numbers): Told) -> Result<Standing, StoreError> {
    let [epoch, confirmed, known, away, back, _fence] = numbers;
    let away = time(away)?;
    Ok(Standing {
        epoch,
        confirmed,
        cause: Cause::named(&cause),
        known_until: time(known)?,
        absence: time(back)?.map(|until| Absence { from: away, until }),
    })
}

/// A time in microseconds; none for 0.
fn time(micros: u64) -> Result<Option<Timestamp>, StoreError> {
    let unreadable = || corrupt(format!("{KEY}:standing"), "no time");
    let micros = i64::try_from(micros).map_err(|_| unreadable())?;
    let at = Timestamp::from_microsecond(micros).map_err(|_| unreadable())?;
    Ok((micros > 0).then_some(at))
}

impl RedisStore {
    async fn change_epoch(&self, call: Call) -> Result<Standing, StoreError> {
        let told: Told = self.link.call(call).await?;
        self.epoch.witness.remember(&told);
        standing(told)
    }
}

#[async_trait]
impl Epochs for RedisStore {
    async fn standing(&self) -> Result<Standing, StoreError> {
        let told = self.epoch.witness.look().await;
        standing(told.map_err(|error| translated(&error))?)
    }

    async fn raise_epoch(&self, cause: Cause) -> Result<Standing, StoreError> {
        let call = Call::write("mailbox_raise_epoch", KEY).arg(cause.name());
        self.change_epoch(call.once()).await
    }

    async fn confirm_epoch(&self, epoch: u64) -> Result<Standing, StoreError> {
        let call = Call::write("mailbox_confirm_epoch", KEY).arg(epoch);
        self.change_epoch(call).await
    }
}
