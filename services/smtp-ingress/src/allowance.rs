//! How much an account may submit within an hour.
//!
//! Transactions count when MAIL is accepted, recipients when RCPT is: a client
//! that gives up midway has used its allowance all the same. What was used in
//! the last sixty minutes is reckoned from two counts, of this hour and of the
//! one before, so that an account costs a few octets and no burst at the turn of
//! an hour passes. Each instance counts by itself, and forgets when it ends.
//!
//! Whoever has used up an allowance is told 4xx: nothing is lost, and a program
//! gone wild is slowed until somebody looks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use config::Submission;
use message::{AccountId, Clock};
use smtp::Reply;

use crate::replies;

const HOUR: u64 = 60 * 60;

/// The most accounts counted at a time. Others are told to try again later.
const MAX_ACCOUNTS: usize = 100_000;

/// What accounts may submit, and what they have.
pub(crate) struct Allowance {
    limits: Submission,
    clock: Arc<dyn Clock>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    hour: u64,
    accounts: HashMap<AccountId, Usage>,
}

/// What an account used, as of some hour.
#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    hour: u64,
    messages: Count,
    recipients: Count,
}

/// What was used in an hour, and in the one before.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    before: u32,
    now: u32,
}

impl Allowance {
    pub(crate) fn new(limits: Submission, clock: Arc<dyn Clock>) -> Self {
        Self {
            limits,
            clock,
            table: Mutex::default(),
        }
    }

    /// Takes one message out of the allowance; nothing where nobody logged in.
    pub(crate) fn take_message(&self, account: Option<AccountId>) -> Result<(), Reply> {
        let limit = self.limits.messages_per_hour;
        let taken = self.take(account, limit, |usage| &mut usage.messages);
        taken.then_some(()).ok_or_else(replies::too_many_messages)
    }

    /// Takes one recipient out of the allowance; nothing where nobody logged in.
    pub(crate) fn take_recipient(&self, account: Option<AccountId>) -> Result<(), Reply> {
        let limit = self.limits.recipients_per_hour;
        let taken = self.take(account, limit, |usage| &mut usage.recipients);
        taken.then_some(()).ok_or_else(replies::too_many_recipients)
    }

    fn take(
        &self,
        account: Option<AccountId>,
        limit: Option<u32>,
        count: impl Fn(&mut Usage) -> &mut Count,
    ) -> bool {
        let (Some(account), Some(limit)) = (account, limit) else {
            return true;
        };
        let seconds = self.clock.monotonic().as_secs();
        let (hour, left) = (seconds / HOUR, HOUR - seconds % HOUR);
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(usage) = table.usage(account, hour) else {
            tracing::warn!("too many accounts submit for their allowances to be counted");
            return false;
        };
        let count = count(usage);
        let free = count.used(left) < u64::from(limit);
        count.now += u32::from(free);
        free
    }
}

impl Table {
    /// The usage of an account, as of `hour`; none where there is no room.
    fn usage(&mut self, account: AccountId, hour: u64) -> Option<&mut Usage> {
        if self.hour != hour {
            self.hour = hour;
            self.accounts.retain(|_, usage| usage.hour + 1 >= hour);
        }
        if self.accounts.len() >= MAX_ACCOUNTS && !self.accounts.contains_key(&account) {
            return None;
        }
        let usage = self.accounts.entry(account).or_default();
        usage.turn_to(hour);
        Some(usage)
    }
}

impl Usage {
    fn turn_to(&mut self, hour: u64) {
        let passed = hour - self.hour;
        self.hour = hour;
        for count in [&mut self.messages, &mut self.recipients] {
            *count = match passed {
                0 => *count,
                1 => Count {
                    before: count.now,
                    now: 0,
                },
                _ => Count::default(),
            };
        }
    }
}

impl Count {
    /// What was used in the last sixty minutes, `left` seconds before this hour
    /// ends: of the hour before, as much as its part in them.
    fn used(self, left: u64) -> u64 {
        u64::from(self.now) + (u64::from(self.before) * left).div_ceil(HOUR)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use message::time::ManualClock;

    use super::*;

    const ALICE: Option<AccountId> = Some(AccountId::from_bits(1));
    const BOB: Option<AccountId> = Some(AccountId::from_bits(2));

    fn allowance(messages: Option<u32>, recipients: Option<u32>) -> (Allowance, ManualClock) {
        let clock = ManualClock::at("2026-11-23T12:00:00Z");
        let limits = Submission {
            messages_per_hour: messages,
            recipients_per_hour: recipients,
        };
        (Allowance::new(limits, Arc::new(clock.clone())), clock)
    }

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(60 * count)
    }

    /// How many messages are taken now, of many offered.
    fn taken(allowance: &Allowance) -> usize {
        (0..100)
            .filter(|_| allowance.take_message(ALICE).is_ok())
            .count()
    }

    #[test]
    fn an_account_has_its_allowance_and_no_other() {
        let (allowance, _clock) = allowance(Some(3), Some(5));
        assert_eq!(taken(&allowance), 3);
        let refusal = allowance.take_message(ALICE).unwrap_err();
        assert_eq!(refusal.code(), 452);
        assert!(allowance.take_message(BOB).is_ok());
        assert!((0..5).all(|_| allowance.take_recipient(ALICE).is_ok()));
        assert_eq!(allowance.take_recipient(ALICE).unwrap_err().code(), 450);
        assert!((0..10).all(|_| allowance.take_recipient(None).is_ok()));
    }

    #[test]
    fn it_comes_back_with_time_and_not_at_the_turn_of_an_hour() {
        let (allowance, clock) = allowance(Some(60), None);
        clock.advance(minutes(59));
        assert_eq!(taken(&allowance), 60);
        clock.advance(minutes(2));
        assert_eq!(taken(&allowance), 1);
        clock.advance(minutes(30));
        assert_eq!(taken(&allowance), 30);
        clock.advance(minutes(120));
        assert_eq!(taken(&allowance), 60);
    }

    #[test]
    fn without_limits_nothing_is_counted() {
        let (allowance, _clock) = allowance(None, None);
        assert_eq!(taken(&allowance), 100);
        assert!(allowance.table.lock().unwrap().accounts.is_empty());
    }

    #[test]
    fn the_table_is_bounded_and_forgets() {
        let (allowance, clock) = allowance(Some(1), None);
        for number in 0..MAX_ACCOUNTS as u64 {
            let account = AccountId::from_bits(u64::MAX - number);
            assert!(allowance.take_message(Some(account)).is_ok());
        }
        assert!(allowance.take_message(ALICE).is_err());
        clock.advance(minutes(120));
        assert!(allowance.take_message(ALICE).is_ok());
        assert_eq!(allowance.table.lock().unwrap().accounts.len(), 1);
    }
}
