//! Publishing at once what an intervention made pending, ahead of the feeder.

use bus::{Outgoing, Published};
use message::{JobKey, MessageId};
use store::StoreError;
use store::ledger::Publication;

use crate::gateway::Gateway;

impl Gateway {
    /// Publishes these jobs of a message, where they are pending, and its notice
    /// job, where it is owed. What fails here or is refused is left to the
    /// feeder: the intervention is done.
    pub(crate) async fn forward(&self, message: MessageId, mut jobs: Vec<JobKey>) {
        jobs.push(JobKey::notice(message));
        if let Err(error) = self.publish(jobs).await {
            tracing::debug!(message_id = %message, %error, "left to the feeder");
        }
    }

    async fn publish(&self, jobs: Vec<JobKey>) -> Result<(), StoreError> {
        let ledger = &self.ports.ledger;
        let now = self.ports.clock.now();
        let mut fed = Vec::new();
        for job in jobs {
            let next = ledger.publication(job).await?;
            // Whatever is not due was published before.
            let Some(next) = next.filter(|next| next.due.is_some_and(|due| due <= now)) else {
                continue;
            };
            if self.is_taken(&next).await {
                fed.push(next);
            }
        }
        if fed.is_empty() {
            return Ok(());
        }
        ledger.fed(&fed).await
    }

    async fn is_taken(&self, publication: &Publication) -> bool {
        let outgoing = Outgoing {
            job: publication.job,
            publication: publication.publication,
            trace: publication.trace,
        };
        let published = self.ports.bus.publish(publication.topic, outgoing).await;
        matches!(published, Ok(Published::Taken))
    }
}
