//! Sequences of operations on mailboxes, for property tests.

use proptest::prelude::*;
use store::conformance::mailbox::model::Operation;

/// Any operation, the more likely the more it moves.
pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let append = (
        1..4_u64,
        0..3_usize,
        proptest::option::of(0..12_u64),
        0..6_u64,
        0..100_u64,
        any::<bool>(),
        proptest::option::of(0..500_u64),
    );
    let append = append.prop_map(|(account, mailbox, delivery, content, size, seen, quota)| {
        Operation::Append {
            account,
            mailbox,
            delivery,
            content,
            size,
            seen,
            quota,
        }
    });
    let expunge = (1..4_u64, 0..3_usize, prop::collection::vec(0..8_u32, 0..6));
    let expunge = expunge.prop_map(|(account, mailbox, uids)| Operation::Expunge {
        account,
        mailbox,
        uids,
    });
    let uids = || prop::collection::vec(0..10_u32, 0..6);
    let mark = (1..4_u64, 0..3_usize, uids(), any::<bool>(), any::<bool>());
    let mark = mark.prop_map(|(account, mailbox, uids, seen, set)| Operation::Mark {
        account,
        mailbox,
        uids,
        seen,
        set,
    });
    let transfer = (
        1..4_u64,
        0..3_usize,
        uids(),
        0..3_usize,
        proptest::option::of(0..900_u64),
    );
    let transfer = transfer.prop_map(|(account, from, uids, to, copy)| Operation::Transfer {
        account,
        from,
        uids,
        to,
        copy,
    });
    prop_oneof![
        20 => append,
        8 => expunge,
        8 => mark,
        8 => transfer,
        1 => (1..4_u64).prop_map(|account| Operation::RemoveAccount { account }),
        3 => (0..4_usize).prop_map(|limit| Operation::Released { limit }),
        1 => (0..4_usize).prop_map(|limit| Operation::Forget { limit }),
        1 => Just(Operation::Reopen),
    ]
}
