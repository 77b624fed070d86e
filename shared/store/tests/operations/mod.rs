//! Sequences of operations of a ledger, for property tests.

use proptest::prelude::*;
use store::conformance::ledger::balance::{Operation, Target};

/// Any operation, the more likely the more it moves.
pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let message = || 1..6_u32;
    let target = || (message(), 0..5_u32).prop_map(|(message, job)| Target { message, job });
    prop_oneof![
        8 => (message(), any::<u8>())
            .prop_map(|(message, wishes)| Operation::Accept { message, wishes }),
        8 => (message(), any::<u8>())
            .prop_map(|(message, shape)| Operation::Route { message, shape }),
        8 => target().prop_map(Operation::Claim),
        6 => (any::<u8>(), any::<bool>())
            .prop_map(|(destination, drain)| Operation::ClaimNext { destination, drain }),
        4 => target().prop_map(Operation::Park),
        16 => (target(), any::<[u8; 3]>())
            .prop_map(|(target, verdicts)| Operation::Record { target, verdicts }),
        6 => target().prop_map(Operation::Tried),
        8 => (target(), any::<u8>())
            .prop_map(|(target, choice)| Operation::Intervene { target, choice }),
        6 => any::<bool>().prop_map(|fed| Operation::Feed { fed }),
        6 => (message(), any::<bool>())
            .prop_map(|(message, accepted)| Operation::Notify { message, accepted }),
        6 => (0..200_u16).prop_map(Operation::Advance),
        1 => Just(Operation::Reopen),
    ]
}
