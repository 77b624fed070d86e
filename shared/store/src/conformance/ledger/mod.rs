//! What every [`Ledger`] does.

mod acceptance;
pub mod balance;
mod destinations;
mod feeding;
mod fixture;
mod notices;
mod queue;
mod references;
mod restart;
pub mod room;
mod routing;
mod scale;
mod states;
mod work;

use std::time::Duration;

use message::time::ManualClock;

use super::Subject;
use crate::{Ledger, StoreOptions};
use fixture::Setting;

/// Runs every case, each on a fresh store with these options and this clock,
/// which stands still until the case advances it.
pub async fn run<S: Subject<dyn Ledger>>(fresh: impl AsyncFn(StoreOptions, ManualClock) -> S) {
    macro_rules! run {
        ($($case:path,)*) => {$({
            let clock = clock();
            let subject = fresh(options(), clock.clone()).await;
            $case(&Setting { ledger: subject.open().await, clock }).await;
        })*};
    }
    macro_rules! run_with_restarts {
        ($($case:path,)*) => {$({
            let clock = clock();
            $case(&fresh(options(), clock.clone()).await, &clock).await;
        })*};
    }
    run![
        acceptance::an_acceptance_is_taken_once,
        acceptance::the_backlog_is_bounded_but_not_for_notices,
        acceptance::condemned_content_is_refused,
        acceptance::entries_come_in_pages,
        acceptance::closed_entries_are_pruned_and_known_until_then,
        acceptance::a_notice_is_known_while_its_original_waits_for_it,
        routing::a_route_is_recorded_once,
        routing::a_route_that_forgets_a_recipient_is_refused,
        routing::what_ends_in_routing_is_told_and_counted,
        routing::local_accounts_refer_to_the_content,
        states::every_operation_in_every_state,
        states::routing_and_notice_jobs_obey_operators,
        work::a_stale_generation_is_refused,
        work::results_survive_a_lapsed_lease_until_the_next_claim,
        work::a_report_names_each_open_recipient_once,
        work::recipients_settle_one_by_one,
        work::too_many_tries_make_a_job_dead,
        work::the_log_of_attempts_is_bounded,
        work::an_account_without_the_message_loses_its_reference,
        feeding::a_pending_job_is_overdue_at_doubling_intervals,
        feeding::an_expired_lease_is_a_try_without_a_result,
        feeding::published_jobs_carry_their_topic_and_number,
        feeding::overdue_work_comes_oldest_first_within_the_limit,
        feeding::topics_that_take_nothing_hide_no_others,
        feeding::a_lease_has_one_owner,
        notices::failures_are_gathered_and_told_once,
        notices::nobody_is_told_who_must_not_be,
        notices::a_delay_is_told_once_when_its_time_comes,
        notices::a_delay_is_no_news_after_the_outcome,
        notices::success_is_told_where_asked,
        notices::what_fails_while_a_notice_is_composed_is_told_next,
        destinations::work_is_served_waiting_first_then_by_due_time,
        destinations::ready_ones_come_in_pages_by_due_time,
        destinations::one_at_a_time_probes_a_destination_in_trouble,
        destinations::troubled_ones_come_in_pages,
        references::the_last_release_condemns,
        references::a_sweep_condemns_only_what_nobody_refers_to,
        references::references_come_in_pages,
        queue::open_messages_come_in_pages,
        queue::filters_find_messages,
        queue::filters_find_jobs_by_state_age_and_reply,
        queue::a_redirected_job_goes_elsewhere_under_a_new_generation,
        queue::a_history_tells_of_stopped_routing_and_notices,
        queue::an_unrouted_message_can_be_bounced_and_deleted,
        queue::an_operator_settles_open_recipients_only,
        scale::many_deferred_jobs_of_one_destination,
        scale::a_message_to_many_destinations,
    ];
    run_with_restarts![
        restart::everything_outlives_a_restart,
        restart::work_of_an_earlier_run_is_overdue_at_once,
        restart::a_crash_repeats_the_same_notice,
    ];
}

fn clock() -> ManualClock {
    ManualClock::at("2026-11-23T15:05:00Z")
}

const FEED_INTERVAL: Duration = Duration::from_secs(10);
const MAX_TRIES: u32 = 3;
const BACKLOG: u64 = 500;

fn options() -> StoreOptions {
    StoreOptions {
        backlog: BACKLOG,
        feed_interval: FEED_INTERVAL,
        max_tries: MAX_TRIES,
        ..StoreOptions::default()
    }
}
