//! The queue, in a table and message by message.

use message::{Address, Part};
use web_gateway::api::{Job, JobRecipient, JobState, QueueItem, Verdict};

use super::{Moment, Table, enumerate, size};

/// How much of a reason stands in a table.
const REASON: usize = 60;

/// A row for each job; a message without jobs has a row of its own.
pub(crate) fn queue(items: &[QueueItem], moment: &Moment) -> Table {
    let mut table = Table::new(&["MESSAGE", "AGE", "SIZE", "FROM", "TO", "STATE"]);
    for item in items {
        let mut first = vec![
            item.message.to_string(),
            moment.age(item.accepted_at),
            size(item.size),
            item.return_path.to_string(),
        ];
        if item.jobs.is_empty() {
            let to = addressees(&item.recipients, item.recipient_count);
            table.row(first.into_iter().chain([to, without_jobs(item).to_owned()]));
            continue;
        }
        for job in &item.jobs {
            let to = open_addresses(job);
            let to = addressees(&to, to.len());
            table.row(first.into_iter().chain([to, state(job, moment)]));
            first = vec![String::new(); 4];
        }
    }
    table
}

fn without_jobs(item: &QueueItem) -> &'static str {
    match (item.routed, item.notice_owed) {
        (false, _) => "to be routed",
        (true, true) => "its sender is about to be told",
        (true, false) => "about to be settled",
    }
}

/// The first addressee, and how many there are beside.
fn addressees(addresses: &[Address], all: usize) -> String {
    match addresses.first() {
        None => "–".to_owned(),
        Some(first) if all == 1 => first.to_string(),
        Some(first) => format!("{first} +{}", all - 1),
    }
}

/// A message with its open jobs.
pub(crate) fn queue_item(item: &QueueItem, moment: &Moment) -> String {
    let more = item.recipient_count.saturating_sub(item.recipients.len());
    let beside = if more > 0 {
        format!(" ({more} more not shown)")
    } else {
        String::new()
    };
    let mut text = format!(
        "message     {}\naccepted    {}\nfrom        {}\nto          {}{beside}\nsize        {}\n",
        item.message,
        moment.relative(item.accepted_at),
        item.return_path,
        enumerate(&item.recipients),
        size(item.size),
    );
    if let Some(notice) = item.notice_of {
        text.push_str(&format!(
            "a notice    of {} about {}\n",
            notice.kind, notice.message
        ));
    }
    if item.jobs.is_empty() {
        text.push_str(&format!("state       {}\n", without_jobs(item)));
    }
    for job in &item.jobs {
        text.push_str(&format!("\njob {}\n", job.key));
        if matches!(job.key.part, Part::Work(_)) {
            text.push_str(&format!("  destination  {}\n", job.destination));
        }
        text.push_str(&format!("  state        {}\n", state(job, moment)));
        text.push_str(&format!("  attempts     {}\n", job.attempts));
        if let Some(until) = job.retry_until {
            text.push_str(&format!("  given up     {}\n", moment.relative(until)));
        }
        for recipient in &job.recipients {
            text.push_str(&format!("  recipient    {}\n", recipient_line(recipient)));
        }
    }
    text
}

fn recipient_line(recipient: &JobRecipient) -> String {
    match &recipient.outcome {
        None => format!("{}: nothing tried yet", recipient.address),
        Some(outcome) => {
            let verdict = verdict(outcome.verdict);
            let by = outcome
                .host
                .as_ref()
                .map_or_else(String::new, |host| format!("{host}: "));
            format!(
                "{}: {verdict} ({by}{} {})",
                recipient.address, outcome.status, outcome.text
            )
        }
    }
}

/// What a verdict is called.
pub(super) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Delivered => "delivered",
        Verdict::Relayed => "relayed",
        Verdict::Expanded => "expanded",
        Verdict::Deferred => "deferred",
        Verdict::Failed => "failed",
        Verdict::Deleted => "deleted",
    }
}

/// The state of a job, what is next, and why.
fn state(job: &Job, moment: &Moment) -> String {
    let what = match job.key.part {
        Part::Route => "routing: ",
        Part::Notice => "telling its sender: ",
        Part::Work(_) => "",
    };
    let state = match job.state {
        JobState::Pending => "pending".to_owned(),
        JobState::Working { .. } => "being worked on".to_owned(),
        JobState::Waiting => format!("waiting for a free slot of {}", job.destination),
        JobState::Deferred { due } => format!("deferred, next try {}", moment.distance(due)),
        JobState::Held => "held by an operator".to_owned(),
        JobState::Dead => format!("dead after {} without a result", tries(job.tries)),
        JobState::Settled => "settled".to_owned(),
    };
    match last_reason(job) {
        Some(reason) => format!("{what}{state}: {reason}"),
        None => format!("{what}{state}"),
    }
}

pub(super) fn last_reason(job: &Job) -> Option<String> {
    let open = job
        .recipients
        .iter()
        .filter_map(|recipient| recipient.outcome.as_ref());
    let last = open
        .filter(|outcome| outcome.verdict == Verdict::Deferred)
        .max_by_key(|o| o.at)?;
    Some(cut(&last.text))
}

pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= REASON {
        return text.to_owned();
    }
    text.chars().take(REASON - 1).chain(['…']).collect()
}

pub(super) fn open_addresses(job: &Job) -> Vec<Address> {
    let is_open = |recipient: &&JobRecipient| {
        recipient
            .outcome
            .as_ref()
            .is_none_or(|outcome| outcome.verdict == Verdict::Deferred)
    };
    job.recipients
        .iter()
        .filter(is_open)
        .map(|recipient| recipient.address.clone())
        .collect()
}

pub(super) fn tries(tries: u32) -> String {
    match tries {
        1 => "1 try".to_owned(),
        tries => format!("{tries} tries"),
    }
}
