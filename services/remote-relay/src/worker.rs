//! Workers: each has a slot of one destination and works off its jobs, one
//! after the other.

use std::sync::Arc;
use std::time::Duration;

use message::{Destination, Timestamp};
use store::StoreError;
use store::ledger::Claimed;

use crate::connection::HostConnection;
use crate::relay::{Errand, Relay, Taken};
use crate::slots::Slot;

/// How long a destination that talks to us is not asked after in the store: what
/// others met with it meanwhile is looked at then.
const UNASKED: Duration = Duration::from_secs(1);

/// What a worker knows of its destination.
struct Outlook {
    /// When it last talked to us.
    talked: Option<Timestamp>,
    /// When the store was last asked after it, by the monotonic clock.
    asked: Option<Duration>,
    drain: Option<Drain>,
}

/// That all jobs of a destination are tried, due or not, because it answers
/// again; those tried since then are through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drain {
    since: Timestamp,
}

/// What a job says about the next ones of its destination.
pub(crate) enum Mood {
    /// Go on: it talks to us.
    Fine,
    /// It answers again.
    Recovered,
    /// It cannot be talked to.
    Troubled,
    /// Something fails that is not the destination's as a whole; the sweep
    /// will see when it works again.
    Stuck,
}

impl Relay {
    /// Starts a worker, with a job or to look for one.
    pub(crate) fn start(self: &Arc<Self>, slot: Slot, first: Option<Taken>, drain: Option<Drain>) {
        let relay = Arc::clone(self);
        let abandoned = self.abandoned.clone();
        self.tasks.spawn(async move {
            abandoned
                .run_until_cancelled(relay.work(slot, first, drain))
                .await;
        });
    }

    async fn work(self: Arc<Self>, slot: Slot, first: Option<Taken>, drain: Option<Drain>) {
        let mut kept = None;
        self.work_off(&slot, first, drain, &mut kept).await;
        if let Some(connection) = kept {
            self.let_rest(slot.destination(), connection);
        }
    }

    /// Works until nothing is left to do, or somebody else is to do it; the
    /// connection that is left then is in `kept`.
    async fn work_off(
        self: &Arc<Self>,
        slot: &Slot,
        first: Option<Taken>,
        drain: Option<Drain>,
        kept: &mut Option<HostConnection>,
    ) {
        let mut outlook = Outlook {
            talked: None,
            asked: first.as_ref().map(|taken| taken.asked),
            drain,
        };
        let mut next = first;
        loop {
            let taken = match next.take() {
                Some(taken) => taken,
                None => match self.take_next(slot, &mut outlook).await {
                    Ok(Some(taken)) => taken,
                    Ok(None) => return,
                    Err(error) => {
                        tracing::warn!(destination = %slot.destination(), %error, "taking a job");
                        return;
                    }
                },
            };
            match self.serve(taken, slot, kept).await {
                Mood::Fine => outlook.talked = Some(self.now()),
                Mood::Recovered => outlook.drain = Some(Drain { since: self.now() }),
                Mood::Troubled | Mood::Stuck => return,
            }
            if self.stopping.is_cancelled() || slot.is_wanted() {
                // Who waits is seen by the next sweep.
                self.wake.notify_one();
                return;
            }
            if outlook.drain.is_none() && !slot.is_awaited() {
                return;
            }
        }
    }

    /// Claims the next job of the slot's destination, and calls a colleague if
    /// there is one, for where one job waits there may be more.
    async fn take_next(
        self: &Arc<Self>,
        slot: &Slot,
        outlook: &mut Outlook,
    ) -> Result<Option<Taken>, StoreError> {
        let destination = slot.destination();
        if self.is_in_trouble(destination, outlook).await? {
            return Ok(None);
        }
        let drain = outlook.drain;
        let asked = self.monotonic();
        let claimed = self
            .ports
            .ledger
            .claim_next(destination, self.lease(), drain.is_some());
        let Some(claimed) = claimed.await? else {
            return Ok(None);
        };
        if drain.is_some_and(|drain| drain.has_seen(&claimed)) {
            self.put_back(&claimed).await?;
            return Ok(None);
        }
        slot.look_again();
        if let Some(slot) = self.slot(destination) {
            self.start(slot, None, drain);
        }
        Ok(Some(Taken {
            claimed,
            asked,
            parent: None,
            errand: Errand::Ordinary,
        }))
    }

    /// Whether the destination as a whole is in trouble, as far as the store knows,
    /// which is asked once in a while.
    async fn is_in_trouble(
        &self,
        destination: &Destination,
        outlook: &mut Outlook,
    ) -> Result<bool, StoreError> {
        let now = self.monotonic();
        let is_recent = |asked: Duration| now.saturating_sub(asked) < UNASKED;
        if outlook.talked.is_some() && outlook.asked.is_some_and(is_recent) {
            return Ok(false);
        }
        outlook.asked = Some(now);
        let Some(state) = self.ports.ledger.destination(destination).await? else {
            return Ok(false);
        };
        // Others met trouble, and later it talked to us: it is no trouble of the
        // destination as a whole.
        if outlook.talked.is_none_or(|at| at <= state.trouble.at) {
            return Ok(true);
        }
        self.ports.ledger.destination_recovered(destination).await?;
        outlook.drain = Some(Drain { since: self.now() });
        Ok(false)
    }

    async fn put_back(&self, claimed: &Claimed) -> Result<(), StoreError> {
        let report = self.report(claimed, |basis| basis.untouched());
        let job = &claimed.job;
        self.ports
            .ledger
            .record(job.key, job.generation, report)
            .await
            .map(drop)
    }
}

impl Drain {
    /// Whether the job has been tried since the drain began.
    fn has_seen(self, claimed: &Claimed) -> bool {
        let outcomes = claimed
            .job
            .open_recipients()
            .filter_map(|(_, state)| state.outcome.as_ref());
        outcomes
            .map(|outcome| outcome.at)
            .max()
            .is_some_and(|at| at > self.since)
    }
}
