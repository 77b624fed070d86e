//! The integrity check: what the ledger, its references, the mailboxes and the
//! content store say of one another.
//!
//! It reads everything in pages and keeps nothing, while mail goes on. What looks
//! wrong is therefore looked at a second time before it is reported: work that
//! happened between two reads is no finding.

mod content;
mod ledger;
mod mailboxes;
mod references;

use std::sync::Arc;
use std::time::Duration;

use message::{ContentId, MessageId, Timestamp};
use store::StoreError;
use tokio::sync::mpsc::Sender;

use crate::api::{CheckLine, CheckSummary, Counts, Finding, FindingKind};
use crate::gateway::Ports;

/// How many things are read at a time.
const PAGE: usize = 500;
/// How many findings are reported; the rest is counted.
const MOST_FINDINGS: u64 = 1000;
/// The router's sweep takes what was unreferenced for seven days, once a day.
pub(crate) const USUAL_GRACE: Duration = Duration::from_secs(9 * 24 * 60 * 60);

/// Why the check cannot go on.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the content store failed: {0}")]
    Content(::content::Error),
    #[error("nobody reads the report any more")]
    Unread,
}

/// Checks everything and reports line by line. Ends early when the report is no
/// longer read.
pub(crate) async fn run(ports: Arc<Ports>, grace: Duration, report: Sender<CheckLine>) {
    let unreferenced_since = ports.clock.now() - grace;
    let summary = CheckSummary::default();
    let mut check = Check {
        ports,
        unreferenced_since,
        report,
        summary,
    };
    let last = match check.all().await {
        Ok(()) => CheckLine::Summary(check.summary),
        Err(Stop::Unread) => return,
        Err(stop) => CheckLine::Aborted {
            reason: stop.to_string(),
        },
    };
    let _ = check.report.send(last).await;
}

/// A check on its way.
struct Check {
    ports: Arc<Ports>,
    /// What nobody refers to and is older than this is a finding.
    unreferenced_since: Timestamp,
    report: Sender<CheckLine>,
    summary: CheckSummary,
}

impl Check {
    async fn all(&mut self) -> Result<(), Stop> {
        self.standing().await?;
        self.open_messages().await?;
        self.references().await?;
        self.mailboxes().await?;
        self.shown().await?;
        self.contents().await?;
        self.summary.counts = Counts::from(self.ports.ledger.counts().await?);
        Ok(())
    }

    async fn standing(&mut self) -> Result<(), Stop> {
        let standing = self.ports.mailboxes.standing().await?;
        let line = CheckLine::Standing(standing.into());
        self.report.send(line).await.map_err(|_| Stop::Unread)?;
        if standing.is_settled() {
            return Ok(());
        }
        let detail = "it may have lost mail, and nothing is swept up until that is seen to; \
                      `check --recover` lists what is lost";
        self.found(FindingKind::Unsettled, "store", detail).await
    }

    async fn found(
        &mut self,
        kind: FindingKind,
        subject: impl ToString,
        detail: impl Into<String>,
    ) -> Result<(), Stop> {
        self.summary.findings += 1;
        if self.summary.findings > MOST_FINDINGS {
            return Ok(());
        }
        let (subject, detail) = (subject.to_string(), detail.into());
        let line = CheckLine::Finding(Finding {
            kind,
            subject,
            detail,
        });
        self.report.send(line).await.map_err(|_| Stop::Unread)
    }

    /// How a content is.
    async fn condition(&self, id: &ContentId) -> Result<Condition, Stop> {
        if self.report.is_closed() {
            return Err(Stop::Unread);
        }
        match self.ports.content.open(id).await {
            Ok(reader) => Ok(Condition::There(reader.trailer().message)),
            Err(::content::Error::NotFound(_)) => Ok(Condition::Gone),
            Err(error @ (::content::Error::Corrupt { .. } | ::content::Error::ForeignId(_))) => {
                Ok(Condition::Damaged(error.to_string()))
            }
            Err(error) => Err(Stop::Content(error)),
        }
    }

    /// Reports content that is not there as it should be.
    async fn expect_content(
        &mut self,
        condition: &Condition,
        kind: FindingKind,
        subject: impl ToString,
    ) -> Result<(), Stop> {
        match condition {
            Condition::There(_) => Ok(()),
            Condition::Gone => self.found(kind, subject, "its content is gone").await,
            Condition::Damaged(how) => {
                self.found(FindingKind::ContentDamaged, subject, how.clone())
                    .await
            }
        }
    }
}

/// How a content is.
enum Condition {
    /// Readable; it came with this message.
    There(MessageId),
    Gone,
    Damaged(String),
}
