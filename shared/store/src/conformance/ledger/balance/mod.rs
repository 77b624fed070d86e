//! Any sequence of operations leaves a ledger that balances and that can be
//! settled to the last message; for property tests.

mod check;

use message::time::ManualClock;
use message::{JobKey, NoticeKind, Notify, Part, ReversePath, Verdict};

use super::fixture::*;
use crate::Ledger;
use crate::conformance::Subject;
use crate::ledger::{Intervention, JobState, NewJob, QueueFilter};
use check::check;

/// An operation; numbers name messages, their jobs, and choices.
#[derive(Debug, Clone, Copy)]
pub enum Operation {
    /// Takes a message with three recipients.
    Accept {
        /// Which.
        message: u32,
        /// The notices its sender wants, and whether the return path is null.
        wishes: u8,
    },
    /// Routes a message, if it is there.
    Route {
        /// Which.
        message: u32,
        /// Into which jobs.
        shape: u8,
    },
    /// Claims a job.
    Claim(Target),
    /// Claims the next job of a destination.
    ClaimNext {
        /// Which.
        destination: u8,
        /// Also what is not due.
        drain: bool,
    },
    /// Parks a job.
    Park(Target),
    /// Records verdicts for a job's open recipients.
    Record {
        /// Of which.
        target: Target,
        /// What each of its recipients comes to.
        verdicts: [u8; 3],
    },
    /// Counts a try without a result.
    Tried(Target),
    /// An operator's intervention.
    Intervene {
        /// On which job.
        target: Target,
        /// Which intervention.
        choice: u8,
    },
    /// Reads what is overdue, and feeds it or not.
    Feed {
        /// Whether it is published.
        fed: bool,
    },
    /// Claims notices, and accepts them or not.
    Notify {
        /// About which message.
        message: u32,
        /// Whether they are accepted.
        accepted: bool,
    },
    /// Lets minutes pass.
    Advance(u16),
    /// Closes the store and opens it again.
    Reopen,
}

/// A job of a message: 0 is its routing, 1 its notice, the others its work.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Which message.
    pub message: u32,
    /// Which of its jobs.
    pub job: u32,
}

impl Target {
    fn key(self) -> JobKey {
        match self.job {
            0 => JobKey::route(message(self.message)),
            1 => JobKey::notice(message(self.message)),
            work => key(self.message, work - 2),
        }
    }
}

const DESTINATIONS: [&str; 3] = ["local", "x.example", "y.example"];

/// Applies `operations` to a fresh store, checks it after each, and settles
/// all that is left.
pub async fn balances<S: Subject<dyn Ledger>>(
    subject: &S,
    clock: &ManualClock,
    operations: &[Operation],
) {
    let mut setting = Setting {
        ledger: subject.open().await,
        clock: clock.clone(),
    };
    for operation in operations {
        if let Operation::Reopen = operation {
            drop(setting);
            setting = Setting {
                ledger: subject.open().await,
                clock: clock.clone(),
            };
        } else {
            apply(&setting, *operation).await;
        }
        check(&setting).await;
    }
    settle_all(&setting).await;
    check(&setting).await;
    let counts = setting.ledger.counts().await.unwrap();
    assert_eq!(
        (counts.in_flight, counts.dead),
        (0, 0),
        "everything can be settled"
    );
}

async fn apply(s: &Setting, operation: Operation) {
    match operation {
        Operation::Accept { message, wishes } => accept(s, message, wishes).await,
        Operation::Route {
            message: number,
            shape,
        } => {
            let jobs = route(shaped(shape));
            s.ledger.record_route(message(number), jobs).await.unwrap();
        }
        Operation::Claim(target) => {
            if let Some(generation) = generation(s, target.key()).await {
                s.ledger
                    .claim(target.key(), generation, LEASE)
                    .await
                    .unwrap();
            }
        }
        Operation::ClaimNext {
            destination: to,
            drain,
        } => {
            let to = destination(DESTINATIONS[usize::from(to) % 3]);
            s.ledger.claim_next(&to, LEASE, drain).await.unwrap();
        }
        Operation::Park(target) => {
            if let Some(generation) = generation(s, target.key()).await {
                s.ledger.park(target.key(), generation).await.unwrap();
            }
        }
        Operation::Record { target, verdicts } => record(s, target.key(), verdicts).await,
        Operation::Tried(target) => {
            if let Some(generation) = generation(s, target.key()).await {
                s.ledger
                    .tried(target.key(), generation, "a try")
                    .await
                    .unwrap();
            }
        }
        Operation::Intervene { target, choice } => {
            let intervention = match choice % 5 {
                0 => Intervention::Retry,
                1 => Intervention::Hold,
                2 => Intervention::Release,
                3 => Intervention::Bounce(s.outcome(FAILED)),
                _ => Intervention::Delete(s.outcome(Verdict::Deleted)),
            };
            s.ledger
                .intervene(target.key(), intervention)
                .await
                .unwrap();
        }
        Operation::Feed { fed } => {
            let overdue = s.ledger.overdue(3, &[]).await.unwrap();
            if fed {
                s.ledger.fed(&overdue).await.unwrap();
            }
        }
        Operation::Notify { message, accepted } => notify(s, message, accepted).await,
        Operation::Advance(minutes) => s.clock.advance(u32::from(minutes) * MINUTE),
        Operation::Reopen => {}
    }
}

async fn accept(s: &Setting, number: u32, wishes: u8) {
    let wish = |bit: u8| match wishes >> bit & 3 {
        0 => Notify::Unspecified,
        1 => Notify::Never,
        _ => ALL,
    };
    let recipients = [
        ("a@x.example", wish(0)),
        ("b@x.example", wish(2)),
        ("c@x.example", wish(4)),
    ];
    let mut acceptance = acceptance(number, &recipients);
    if wishes >> 6 == 3 {
        acceptance.envelope.return_path = ReversePath::Null;
    }
    s.ledger.accept(acceptance).await.unwrap();
}

fn shaped(shape: u8) -> Vec<NewJob> {
    match shape % 3 {
        0 => vec![local(&[1, 2, 1])],
        1 => vec![local(&[1]), remote("x.example", &[1, 2])],
        _ => {
            let mut again = local(&[1]);
            again.recipients[0].originals = vec![2];
            vec![local(&[1]), remote("y.example", &[1]), again]
        }
    }
}

async fn generation(s: &Setting, key: JobKey) -> Option<u32> {
    let job = s.ledger.job(key).await.unwrap();
    job.map(|job| job.generation)
}

async fn record(s: &Setting, key: JobKey, verdicts: [u8; 3]) {
    let (Some(job), Part::Work(_)) = (s.ledger.job(key).await.unwrap(), key.part) else {
        return;
    };
    let open = job.open_recipients().map(|(index, _)| {
        let verdict = match verdicts[index as usize % 3] % 4 {
            0 => DELIVERED,
            1 => DEFERRED,
            2 => FAILED,
            _ => Verdict::Relayed { dsn: true },
        };
        (index, verdict)
    });
    let report = s.report(&open.collect::<Vec<_>>());
    s.ledger.record(key, job.generation, report).await.unwrap();
}

async fn notify(s: &Setting, number: u32, accepted: bool) {
    for kind in NoticeKind::ALL {
        let about = message(number);
        let reserve = notice_id(number);
        if let Some(claim) = s.ledger.claim_notice(about, kind, reserve).await.unwrap() {
            assert!(!claim.recipients.is_empty());
            if accepted {
                s.ledger
                    .notice_accepted(about, kind, claim.id)
                    .await
                    .unwrap();
            }
        }
    }
}

/// What the services and an operator do until nothing is left.
async fn settle_all(s: &Setting) {
    for _ in 0..20 {
        let (items, _) = s
            .ledger
            .queue(&QueueFilter::default(), None, 1_000)
            .await
            .unwrap();
        for item in items {
            let id = item.entry.acceptance.message;
            for job in &item.jobs {
                settle(s, job.key, job.state).await;
            }
            notify(s, id.bits() as u32, true).await;
        }
    }
}

async fn settle(s: &Setting, key: JobKey, state: JobState) {
    let intervention = match state {
        JobState::Pending | JobState::Working { .. } => {
            if let Part::Route = key.part {
                let jobs = route(shaped(0));
                s.ledger.record_route(key.message, jobs).await.unwrap();
            }
            return record(s, key, [0; 3]).await;
        }
        JobState::Settled => return,
        JobState::Waiting | JobState::Deferred { .. } | JobState::Dead => Intervention::Retry,
        JobState::Held => Intervention::Release,
    };
    assert!(s.ledger.intervene(key, intervention).await.unwrap());
}
