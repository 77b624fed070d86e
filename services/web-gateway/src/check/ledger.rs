//! accepted = settled + in flight, and every open message has its content.

use store::ledger::{Counts, QueueFilter};

use super::{Check, Condition, PAGE, Stop};
use crate::api::FindingKind;

impl Check {
    pub(super) async fn open_messages(&mut self) -> Result<(), Stop> {
        let before = self.ports.ledger.counts().await?;
        self.counts_agree(before).await?;
        let everything = QueueFilter::default();
        let mut after = None;
        loop {
            let (items, next) = self.ports.ledger.queue(&everything, after, PAGE).await?;
            for item in items {
                self.summary.open_messages += 1;
                let acceptance = item.entry.acceptance;
                let condition = self.condition(&acceptance.content).await?;
                let open = match condition {
                    Condition::There(_) => continue,
                    Condition::Gone | Condition::Damaged(_) => {
                        let history = self.ports.ledger.history(acceptance.message).await?;
                        history.is_some_and(|history| history.closed_at.is_none())
                    }
                };
                if open {
                    let kind = FindingKind::MessageWithoutContent;
                    self.expect_content(&condition, kind, acceptance.message)
                        .await?;
                }
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        let now = self.ports.ledger.counts().await?;
        self.queue_agrees(before, now).await
    }

    async fn counts_agree(&mut self, counts: Counts) -> Result<(), Stop> {
        if counts.accepted == counts.settled + counts.in_flight {
            return Ok(());
        }
        let detail = format!(
            "accepted {} is not settled {} + in flight {}",
            counts.accepted, counts.settled, counts.in_flight
        );
        self.found(FindingKind::Counts, "ledger", detail).await
    }

    /// What the queue listed must lie between what was open all the time and what
    /// was open at any time; without traffic, that is one number.
    async fn queue_agrees(&mut self, before: Counts, now: Counts) -> Result<(), Stop> {
        let least = before.accepted.saturating_sub(now.settled);
        let most = now.accepted.saturating_sub(before.settled);
        let listed = self.summary.open_messages;
        if (least..=most).contains(&listed) {
            return Ok(());
        }
        let detail = format!(
            "{} messages are in flight, but the queue lists {listed}",
            now.in_flight
        );
        self.found(FindingKind::Counts, "ledger", detail).await
    }
}
