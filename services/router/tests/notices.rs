//! What senders hear of mail that aliases pass on (RFC 3461 §5.2.7), from the
//! route to the last result, on the embedded ledger.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use std::time::Duration;

use house::{House, Letter};
use message::{
    Destination, Diagnostic, EnhancedStatus, JobKey, MessageId, NoticeKind, Outcome, Verdict,
};
use store::Ledger;
use store::ledger::{JobRecord, Lease, NoticeClaim, Recorded, Report};

const HOUSE: &str = "
    domain example.org root@example.org
    account alice@example.org
    account root@example.org
    alias all@example.org alice@example.org carol@remote.example
    alias far@example.org erik@remote.example
";

/// A message on its way through a house.
struct Course {
    house: House,
    message: MessageId,
}

impl Course {
    /// Accepts and routes a letter.
    async fn begin(to: &[&str]) -> Self {
        let house = House::rewriting(HOUSE, "example.org").await;
        let letter = Letter {
            from: "<sender@elsewhere.example>",
            to,
            content: "Subject: x\r\n\r\nbody\r\n",
        };
        let entry = house.entry(&letter).await;
        let message = entry.acceptance.message;
        house.ledger().accept(entry.acceptance).await.unwrap();
        let entry = house.ledger().entry(message).await.unwrap().unwrap();
        let route = house.decide(&entry).await;
        let routed = house.ledger().record_route(message, route).await.unwrap();
        assert!(routed.is_some());
        Self { house, message }
    }

    fn ledger(&self) -> &dyn Ledger {
        self.house.ledger()
    }

    async fn job(&self, destination: &str) -> JobRecord {
        let destination: Destination = destination.parse().unwrap();
        let routed = self.ledger().route(self.message).await.unwrap().unwrap();
        let mut jobs = routed.jobs.into_iter();
        jobs.find(|job| job.destination == destination).unwrap()
    }

    /// Every recipient of the job to `destination` ends so; whether a notice
    /// is owed then.
    async fn ends(&self, destination: &str, verdict: Verdict) -> bool {
        let job = self.job(destination).await;
        let generation = match job.destination {
            Destination::Local => job.generation,
            Destination::Domain(_) | Destination::Smarthost { .. } => {
                let lease = Lease(Duration::from_secs(60));
                let claim = self.ledger().claim(job.key, job.generation, lease);
                claim.await.unwrap().unwrap().job.generation
            }
        };
        let class = if verdict == Verdict::Failed { 5 } else { 2 };
        let outcome = Outcome {
            verdict,
            status: EnhancedStatus::new(class, 0, 0),
            diagnostic: Diagnostic::ours("so it ended"),
            at: self.house.now(),
        };
        let report = Report {
            outcomes: job
                .open_recipients()
                .map(|(i, _)| (i, outcome.clone()))
                .collect(),
            attempts: Vec::new(),
            retry: None,
        };
        match self
            .ledger()
            .record(job.key, generation, report)
            .await
            .unwrap()
        {
            Recorded::Stored { notice_owed } => notice_owed,
            Recorded::Stale => panic!("{} was not ours", job.key),
        }
    }

    /// The notice that is owed, as `original verdict last`; and sends it.
    async fn notice(&self, kind: NoticeKind) -> Vec<String> {
        let reserve = MessageId::draw(&self.house.clock, self.house.random.as_ref());
        let claim = self.ledger().claim_notice(self.message, kind, reserve);
        let Some(NoticeClaim { id, recipients, .. }) = claim.await.unwrap() else {
            return Vec::new();
        };
        let accepted = self.ledger().notice_accepted(self.message, kind, id);
        accepted.await.unwrap();
        let told = recipients
            .iter()
            .map(|told| format!("{} {:?} {}", told.original, told.outcome.verdict, told.last));
        told.collect()
    }

    async fn is_closed(&self) -> bool {
        let history = self.ledger().history(self.message).await.unwrap().unwrap();
        history.closed_at.is_some()
    }
}

#[tokio::test]
async fn an_expansion_is_the_success_of_who_was_expanded() {
    let course = Course::begin(&["all@example.org SUCCESS,FAILURE"]).await;
    let notice_job = course.ledger().notice_job(course.message).await.unwrap();
    assert_eq!(notice_job, Some(JobKey::notice(course.message)));
    assert_eq!(
        course.notice(NoticeKind::Success).await,
        ["all@example.org Expanded all@example.org"]
    );
    assert!(!course.ends("local", Verdict::Delivered).await);
    assert!(
        !course
            .ends("remote.example", Verdict::Relayed { dsn: false })
            .await
    );
    assert!(course.is_closed().await, "nothing more is owed");
}

#[tokio::test]
async fn a_failure_behind_an_expansion_is_told_to_the_original_sender() {
    let course = Course::begin(&["all@example.org SUCCESS,FAILURE"]).await;
    course.notice(NoticeKind::Success).await;
    course.ends("local", Verdict::Delivered).await;
    assert!(course.ends("remote.example", Verdict::Failed).await);
    assert_eq!(
        course.notice(NoticeKind::Failure).await,
        ["all@example.org Failed carol@remote.example"]
    );
    let job = course.job("remote.example").await;
    assert!(job.return_path.to_string().starts_with("<SRS0="));
    let entry = course
        .ledger()
        .entry(course.message)
        .await
        .unwrap()
        .unwrap();
    let sender = entry.acceptance.envelope.return_path;
    assert_eq!(sender.to_string(), "<sender@elsewhere.example>");
    assert!(course.is_closed().await);
}

#[tokio::test]
async fn an_expansion_that_nobody_asked_for_is_not_told() {
    for asked in ["", " FAILURE,DELAY", " NEVER"] {
        let course = Course::begin(&[&format!("all@example.org{asked}")]).await;
        assert_eq!(
            course.ledger().notice_job(course.message).await.unwrap(),
            None
        );
        course.ends("local", Verdict::Delivered).await;
        course
            .ends("remote.example", Verdict::Relayed { dsn: true })
            .await;
        assert!(course.is_closed().await, "{asked:?}");
    }
}

#[tokio::test]
async fn an_alias_of_one_hands_the_wishes_on() {
    let course = Course::begin(&["far@example.org SUCCESS"]).await;
    let job = course.job("remote.example").await;
    assert!(
        job.expanded.is_empty(),
        "the next server is asked for success"
    );
    assert!(
        !course
            .ends("remote.example", Verdict::Relayed { dsn: true })
            .await
    );
    assert!(course.is_closed().await, "the next server reports");
    let course = Course::begin(&["far@example.org SUCCESS"]).await;
    assert!(
        course
            .ends("remote.example", Verdict::Relayed { dsn: false })
            .await
    );
    assert_eq!(
        course.notice(NoticeKind::Success).await,
        ["far@example.org Relayed { dsn: false } erik@remote.example"]
    );
}
