//! The order of work at destinations, and destinations in trouble.

use message::{Destination, Diagnostic, EnhancedStatus};

use super::fixture::*;
use crate::ledger::{Claimed, Trouble};

async fn next(s: &Setting, to: &str, drain: bool) -> Option<Claimed> {
    let claimed = s.ledger.claim_next(&destination(to), LEASE, drain).await;
    claimed.unwrap()
}

async fn next_key(s: &Setting, to: &str, drain: bool) -> Option<message::JobKey> {
    next(s, to, drain).await.map(|claimed| claimed.job.key)
}

pub(super) async fn work_is_served_waiting_first_then_by_due_time(s: &Setting) {
    for (number, due) in [(1, 3 * HOUR), (2, HOUR), (3, 2 * HOUR), (4, 50 * HOUR)] {
        let key = s.one(number, "x.example").await;
        let mut report = s.report(&[(0, DEFERRED)]);
        report.retry = Some(s.retry(due));
        s.record(key, report).await;
    }
    for number in [6, 5] {
        let key = s.one(number, "x.example").await;
        assert!(s.ledger.park(key, 0).await.unwrap());
        s.clock.advance(MINUTE);
    }
    s.deferred(7, "y.example").await;
    let start = s.now() - 2 * MINUTE;
    assert_eq!(s.ledger.next_due().await.unwrap(), Some(start + HOUR));
    assert_eq!(next_key(s, "x.example", false).await, Some(key(6, 0)));
    assert_eq!(next_key(s, "x.example", false).await, Some(key(5, 0)));
    assert_eq!(
        next_key(s, "x.example", false).await,
        None,
        "nothing is due"
    );
    s.clock.advance(3 * HOUR);
    let claimed = next(s, "x.example", false).await.unwrap();
    assert_eq!((claimed.job.key, claimed.job.generation), (key(2, 0), 1));
    assert_eq!(claimed.entry.accepted_at, start);
    assert_eq!(next_key(s, "x.example", false).await, Some(key(3, 0)));
    assert_eq!(next_key(s, "x.example", false).await, Some(key(1, 0)));
    assert_eq!(next_key(s, "x.example", false).await, None);
    assert_eq!(
        next_key(s, "x.example", true).await,
        Some(key(4, 0)),
        "a drain takes any"
    );
    assert_eq!(next_key(s, "x.example", true).await, None);
    assert_eq!(next_key(s, "y.example", false).await, Some(key(7, 0)));
    assert_eq!(s.ledger.next_due().await.unwrap(), None);
}

pub(super) async fn ready_ones_come_in_pages_by_due_time(s: &Setting) {
    let ready = async |after: Option<&str>, limit| -> Vec<String> {
        let after = after.map(destination);
        let page = s.ledger.ready(after.as_ref(), limit).await.unwrap();
        page.iter().map(Destination::to_string).collect()
    };
    for (number, to, hours) in [
        (1, "c.example", 1),
        (2, "a.example", 2),
        (3, "b.example", 2),
        (4, "late.example", 9),
        (5, "c.example", 3),
    ] {
        let key = s.one(number, to).await;
        let mut report = s.report(&[(0, DEFERRED)]);
        report.retry = Some(s.retry(hours * HOUR));
        s.record(key, report).await;
    }
    assert!(ready(None, 10).await.is_empty());
    for (number, to) in [(6, "w.example"), (7, "late.example"), (8, "b.example")] {
        let key = s.one(number, to).await;
        assert!(s.ledger.park(key, 0).await.unwrap());
        s.clock.advance(MINUTE);
    }
    assert_eq!(
        ready(None, 10).await,
        ["w.example", "late.example", "b.example"]
    );
    s.clock.advance(4 * HOUR);
    let all = [
        "w.example",
        "late.example",
        "b.example",
        "c.example",
        "a.example",
    ];
    assert_eq!(
        ready(None, 10).await,
        all,
        "each once, by what was ready first"
    );
    for (place, name) in all.iter().enumerate() {
        assert_eq!(
            ready(Some(name), 10).await,
            all[place + 1..],
            "after {name}"
        );
        let place_after = (place + 3).min(all.len());
        assert_eq!(
            ready(Some(name), 2).await,
            all[place + 1..place_after],
            "two after {name}"
        );
    }
    assert!(ready(None, 0).await.is_empty());
    s.ledger
        .claim_next(&destination("c.example"), LEASE, false)
        .await
        .unwrap()
        .unwrap();
    let moved = [
        "w.example",
        "late.example",
        "b.example",
        "a.example",
        "c.example",
    ];
    assert_eq!(ready(None, 10).await, moved, "its second job was due later");
    s.ledger
        .claim_next(&destination("w.example"), LEASE, false)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        ready(Some("w.example"), 10).await,
        moved[1..],
        "its place is gone: anew"
    );
    s.ledger
        .claim_next(&destination("late.example"), LEASE, false)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        ready(Some("late.example"), 10).await,
        moved[2..],
        "it is not ready any more"
    );
}

fn trouble(s: &Setting, minutes: u32) -> Trouble {
    Trouble {
        status: EnhancedStatus::new(4, 4, 1),
        diagnostic: Diagnostic::ours("no answer"),
        at: s.now(),
        probe_at: s.now() + minutes * MINUTE,
    }
}

pub(super) async fn one_at_a_time_probes_a_destination_in_trouble(s: &Setting) {
    let x = destination("x.example");
    let probe = async || s.ledger.claim_probe(&x, LEASE).await.unwrap();
    let fail = async |minutes| {
        s.ledger
            .destination_failed(&x, trouble(s, minutes))
            .await
            .unwrap()
    };
    assert_eq!(s.ledger.destination(&x).await.unwrap(), None);
    assert!(!probe().await, "what is healthy needs no probe");
    assert_eq!(fail(5).await, 1);
    assert!(!probe().await, "not before its time");
    s.clock.advance(5 * MINUTE);
    assert!(probe().await);
    assert!(!probe().await, "one at a time");
    let state = s.ledger.destination(&x).await.unwrap().unwrap();
    assert_eq!(
        (state.failures, state.probing_until),
        (1, Some(s.now() + LEASE.0))
    );
    s.clock.advance(LEASE.0);
    assert!(probe().await, "the right lapses");
    assert_eq!(fail(10).await, 2);
    let state = s.ledger.destination(&x).await.unwrap().unwrap();
    assert_eq!((state.failures, state.probing_until), (2, None));
    assert_eq!(state.trouble, trouble(s, 10));
    assert!(!probe().await);
    s.ledger.destination_recovered(&x).await.unwrap();
    s.ledger.destination_recovered(&x).await.unwrap();
    assert_eq!(s.ledger.destination(&x).await.unwrap(), None);
    assert_eq!(fail(5).await, 1, "it starts anew");
}

pub(super) async fn troubled_ones_come_in_pages(s: &Setting) {
    for name in [
        "c.example",
        "smarthost:relay.example:25",
        "a.example",
        "b.example",
    ] {
        s.ledger
            .destination_failed(&destination(name), trouble(s, 5))
            .await
            .unwrap();
    }
    let page = async |after: Option<&str>, limit| -> Vec<String> {
        let after = after.map(destination);
        let page = s.ledger.troubled(after.as_ref(), limit).await.unwrap();
        page.iter()
            .map(|state| state.destination.to_string())
            .collect()
    };
    assert_eq!(page(None, 2).await, ["a.example", "b.example"]);
    assert_eq!(
        page(Some("b.example"), 9).await,
        ["c.example", "smarthost:relay.example:25"]
    );
    assert_eq!(page(Some("aa.example"), 1).await, ["b.example"]);
}
