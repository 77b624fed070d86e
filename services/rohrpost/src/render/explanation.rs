//! `rohrpost queue why`: what a message waits for, in sentences.

use message::{Part, Timestamp};
use web_gateway::api::{
    Destination, Explanation, Job, JobExplanation, JobState, PublicationState, Verdict,
};

use super::queue::{last_reason, open_addresses, tries};
use super::{Moment, count, enumerate};

/// Why each job waits, and until when.
pub(crate) fn explanation(explanation: &Explanation, moment: &Moment) -> String {
    let mut text = format!(
        "message {}, accepted {}\n",
        explanation.message,
        moment.relative(explanation.accepted_at)
    );
    if explanation.jobs.is_empty() {
        text.push_str("\nit waits for nothing: it is about to be settled\n");
    }
    for explained in &explanation.jobs {
        text.push_str(&format!("\n{}\n", subject(&explained.job)));
        for line in reasons(explained, moment) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

fn subject(job: &Job) -> String {
    match job.key.part {
        Part::Route => format!("{}: deciding where it goes", job.key),
        Part::Notice => format!("{}: telling its sender", job.key),
        Part::Work(_) => format!(
            "{}: {}, to {}",
            job.key,
            enumerate(&open_addresses(job)),
            job.destination
        ),
    }
}

fn reasons(explained: &JobExplanation, moment: &Moment) -> Vec<String> {
    let job = &explained.job;
    let mut lines = match job.state {
        JobState::Pending => pending(explained.publication.as_ref(), moment),
        JobState::Working { until } => vec![working(until, moment)],
        JobState::Waiting => vec![format!(
            "limit reached: all connections that {} may have are in use; the next free one takes it",
            job.destination
        )],
        JobState::Deferred { due } => vec![
            deferred(job),
            format!("tried again {}", moment.relative(due)),
        ],
        JobState::Held => vec![format!(
            "held by an operator until it is released: `queue release {}`",
            job.key
        )],
        JobState::Dead => dead(job),
        JobState::Settled => Vec::new(),
    };
    lines.extend(
        explained
            .trouble
            .iter()
            .map(|trouble| troubled(trouble, moment)),
    );
    let warned = job
        .warn_at
        .filter(|_| matches!(job.state, JobState::Deferred { .. }));
    lines.extend(warned.map(|at| format!("its sender hears of the delay {}", moment.relative(at))));
    lines.extend(
        job.retry_until
            .map(|at| format!("given up {}", moment.relative(at))),
    );
    lines
}

fn working(until: Timestamp, moment: &Moment) -> String {
    let until_then = moment.relative(until);
    if until > moment.now {
        format!("being worked on by an instance; if that is gone, tried again {until_then}")
    } else {
        format!(
            "the instance that worked on it is gone: its time was over {until_then}; \
             about to be tried again"
        )
    }
}

fn deferred(job: &Job) -> String {
    let after = count(u64::from(job.attempts), "attempt");
    let open = job.recipients.iter().filter_map(|r| r.outcome.as_ref());
    let last = open
        .filter(|outcome| outcome.verdict == Verdict::Deferred)
        .max_by_key(|outcome| outcome.at);
    match last {
        None => format!("backed off after {after}"),
        Some(outcome) => match &outcome.host {
            Some(host) => format!("backed off after {after}: {host} said {}", outcome.text),
            None => format!(
                "backed off after {after}: {} {}",
                outcome.status, outcome.text
            ),
        },
    }
}

fn pending(publication: Option<&PublicationState>, moment: &Moment) -> Vec<String> {
    let Some(publication) = publication else {
        return vec!["about to be worked on".to_owned()];
    };
    let topic = &publication.topic;
    let times = match publication.published {
        0 => return vec![format!("about to be published on {topic}")],
        1 => "published once".to_owned(),
        more => format!("published {more} times"),
    };
    let waits = match publication.depth {
        None => "no result yet".to_owned(),
        Some(0) => "taken, or lost with the broker, without a result yet".to_owned(),
        Some(1) => "1 job waits there; nobody is consuming, or is about to".to_owned(),
        Some(depth) => format!("{depth} jobs wait there: nobody is consuming, or not fast enough"),
    };
    let now = format!("{times} on {topic}; {waits}");
    let next = publication
        .next
        .map(|at| format!("published again {}", moment.relative(at)));
    [Some(now), next].into_iter().flatten().collect()
}

fn dead(job: &Job) -> Vec<String> {
    let last = job.log.last().map(|attempt| attempt.result.clone());
    let last = last.or_else(|| last_reason(job));
    let problem = last.map_or_else(String::new, |problem| format!(", at last: {problem}"));
    vec![
        format!("dead: {} without a result{problem}", tries(job.tries)),
        format!(
            "it waits for an operator: `queue retry {0}`, or `queue bounce {0}`",
            job.key
        ),
    ]
}

fn troubled(trouble: &Destination, moment: &Moment) -> String {
    format!(
        "{} is in trouble: {} in a row, the last {}: {}; probed {}",
        trouble.destination,
        count(u64::from(trouble.failures), "failure"),
        moment.distance(trouble.at),
        trouble.text,
        moment.relative(trouble.probe_at),
    )
}
