//! The epoch: what becomes of numbers when it rises, and who settles it.

use super::{ANNA, BERT, deliver, inbox};
use crate::MailboxStore;
use crate::conformance::Subject;
use crate::mailbox::{Cause, MailboxId};

pub(super) async fn numbers_jump_when_the_epoch_rises(store: &dyn MailboxStore) {
    assert_eq!(deliver(store, ANNA, 1).await, 1);
    let before = inbox(store, ANNA).await;
    store.raise_epoch(Cause::Declared).await.unwrap();
    let after = inbox(store, ANNA).await;
    assert_eq!(after.uid_next, before.uid_next + 1_000_000);
    assert!(after.highest_modseq > before.highest_modseq + 1_000_000);
    assert_eq!(after.uid_validity, before.uid_validity);
    assert_eq!(deliver(store, ANNA, 2).await, 1_000_002);
    let states = store.states(ANNA, MailboxId::INBOX, 0, 10).await.unwrap();
    assert!(states.iter().map(|state| state.uid).eq([1, 1_000_002]));
    assert_eq!(deliver(store, BERT, 1).await, 1, "one that was never used");

    store.raise_epoch(Cause::Restored).await.unwrap();
    assert_eq!(deliver(store, ANNA, 3).await, 2_000_003);
    assert_eq!(deliver(store, BERT, 3).await, 1_000_002);
}

pub(super) async fn a_rise_stays_until_it_is_confirmed(subject: &impl Subject<dyn MailboxStore>) {
    let store = subject.open().await;
    let new = store.standing().await.unwrap();
    assert!(new.is_settled() && new.cause.is_none());
    let absence = new.absence.expect("a new store was not in use before");
    assert_eq!(absence.from, None);
    let raised = store.raise_epoch(Cause::Declared).await.unwrap();
    assert_eq!((raised.epoch, raised.cause), (1, Some(Cause::Declared)));
    drop(store);

    let store = subject.open().await;
    assert_eq!(store.standing().await.unwrap(), raised);
    let early = store.confirm_epoch(0).await.unwrap();
    assert!(!early.is_settled());
    let settled = store.confirm_epoch(raised.epoch).await.unwrap();
    assert!(settled.is_settled() && settled.absence.is_none());
    assert_eq!(store.standing().await.unwrap(), settled);
}
