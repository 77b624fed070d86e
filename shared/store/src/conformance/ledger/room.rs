//! Room that runs out, for engines that know how much there is.

use std::sync::Arc;
use std::time::Duration;

use message::NoticeKind;
use message::time::ManualClock;

use tokio::time::sleep;

use super::fixture::*;
use crate::conformance::soon;
use crate::ledger::{Acceptance, Accepted, JobState, NoticeOf};
use crate::{Ledger, StoreError};

/// Between two looks at whether an engine has noticed.
const PAUSE: Duration = Duration::from_millis(50);

/// Without room nothing new is accepted, and what was accepted is settled, with
/// its notice. `fill` takes the room away, and gives it back.
///
/// # Panics
/// When the ledger does otherwise.
pub async fn only_acceptance_needs_room(
    ledger: Arc<dyn Ledger>,
    clock: ManualClock,
    fill: impl Fn(bool),
) {
    let s = Setting { ledger, clock };
    s.accept(plain(1)).await;
    fill(true);
    soon(until_refused(&s)).await;
    let known = s.ledger.accept(plain(1)).await.unwrap();
    assert_eq!(known, Accepted::Known, "it was promised already");

    s.route(1, vec![remote("x.example", &[0])]).await;
    s.finish(key(1, 0), FAILED).await;
    assert_eq!(s.state(key(1, 0)).await, JobState::Settled);
    let kind = NoticeKind::Failure;
    let claimed = s.ledger.claim_notice(message(1), kind, notice_id(1)).await;
    claimed.unwrap().expect("a notice is owed");
    let mut notice = plain(3);
    notice.message = notice_id(1);
    notice.notice_of = Some(NoticeOf {
        message: message(1),
        kind,
    });
    s.accept(notice).await;
    let told = s.ledger.notice_accepted(message(1), kind, notice_id(1));
    told.await.unwrap();
    assert!(s.is_closed(1).await);

    fill(false);
    soon(until_taken(&s, plain(2))).await;
}

/// An engine may look at its room now and then only.
async fn until_refused(s: &Setting) {
    for number in 100.. {
        match s.ledger.accept(plain(number)).await {
            Ok(Accepted::Taken) => sleep(PAUSE).await,
            Err(StoreError::Full(_)) => return,
            other => panic!("{other:?}"),
        }
    }
}

async fn until_taken(s: &Setting, acceptance: Acceptance) {
    loop {
        match s.ledger.accept(acceptance.clone()).await {
            Ok(Accepted::Taken) => return,
            Err(StoreError::Full(_)) => sleep(PAUSE).await,
            other => panic!("{other:?}"),
        }
    }
}
