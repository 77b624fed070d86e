//! `rohrpost trace`: the life of a message in plain words, in the order in which
//! things happened, and what happens next.

use message::{NoticeKind, Part, Timestamp};
use web_gateway::api::{
    Attempt, Decision, History, Job, JobState, Notice, Outcome, Reason, Verdict,
};

use super::queue::verdict;
use super::{Moment, enumerate, size};

/// How wide the column of times is.
const TIMES: usize = 25;

/// The whole story.
pub(crate) fn story(history: &History, moment: &Moment) -> String {
    let mut events = vec![arrival(history)];
    events.push(routing(history));
    for job in history.chores.iter().chain(&history.jobs) {
        events.extend(attempts(job));
        events.extend(outcomes(job));
    }
    events.extend(history.notices.iter().map(|notice| told(history, notice)));
    events.extend(
        history
            .closed_at
            .map(|at| Event::at(at, 9, "settled: nothing is left to do")),
    );
    events.sort_by_key(|event| (event.at, event.rank));

    let zone = moment.zone_name(history.accepted_at);
    let mut text = format!("message {}, times in {zone}\n\n", history.message);
    for event in &events {
        event.tell(moment, &mut text);
    }
    let next = future(history, moment);
    if !next.is_empty() {
        text.push_str("\nnow\n");
        next.iter()
            .for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    text
}

/// Something that happened.
struct Event {
    at: Timestamp,
    /// Among what happened in the same moment, this comes first.
    rank: u8,
    /// Whether `at` is known to be when it happened.
    timed: bool,
    lines: Vec<String>,
}

impl Event {
    fn at(at: Timestamp, rank: u8, line: impl Into<String>) -> Self {
        Self {
            at,
            rank,
            timed: true,
            lines: vec![line.into()],
        }
    }

    fn tell(&self, moment: &Moment, text: &mut String) {
        let mut time = if self.timed {
            moment.exact(self.at)
        } else {
            String::new()
        };
        for line in &self.lines {
            text.push_str(format!("{time:<TIMES$}{line}").trim_end());
            text.push('\n');
            time = String::new();
        }
    }
}

/// When it came, from where, for whom.
fn arrival(history: &History) -> Event {
    let from = match history.notice_of {
        Some(notice) => {
            let kind = notice_name(notice.kind);
            format!("composed here: {kind} about message {}", notice.message)
        }
        None => format!("accepted from {}", client(history)),
    };
    let recipients: Vec<_> = history
        .recipients
        .iter()
        .map(|recipient| &recipient.address)
        .collect();
    let mut event = Event::at(history.accepted_at, 0, from);
    event.lines.push(format!(
        "sender {}, {}",
        history.return_path,
        size(history.size)
    ));
    event.lines.push(format!("for {}", enumerate(&recipients)));
    if let Some(id) = &history.envelope_id {
        event.lines.push(format!("the sender calls it {id}"));
    }
    event
}

/// Who brought it, and how.
fn client(history: &History) -> String {
    let transaction = &history.transaction;
    let mut text = match (transaction.client, &transaction.helo) {
        (Some(client), Some(helo)) => format!("{helo} [{client}]"),
        (Some(client), None) => format!("[{client}]"),
        (None, Some(helo)) => helo.clone(),
        (None, None) => "an unnamed client".to_owned(),
    };
    text.push_str(&format!(" by {}", transaction.protocol));
    if let Some(tls) = &transaction.tls {
        text.push_str(&format!(" ({tls})"));
    }
    match (&transaction.account_address, transaction.account) {
        (Some(address), _) => text.push_str(&format!(", submitted by {address}")),
        (None, Some(id)) => text.push_str(&format!(", submitted by account {id}, removed since")),
        (None, None) => {}
    }
    text
}

/// What was decided for whom and why.
fn routing(history: &History) -> Event {
    let Some(decisions) = &history.decisions else {
        return Event {
            at: history.accepted_at,
            rank: 1,
            timed: false,
            lines: vec!["not routed yet".to_owned()],
        };
    };
    let lines = decisions
        .iter()
        .map(|decision| format!("→ {}", choice(history, decision)));
    let lines = ["routed".to_owned()].into_iter().chain(lines).collect();
    Event {
        at: history.accepted_at,
        rank: 1,
        timed: false,
        lines,
    }
}

fn choice(history: &History, decision: &Decision) -> String {
    let original = history.recipients.get(decision.original as usize);
    let original = original.map_or("?".to_owned(), |recipient| recipient.address.to_string());
    let to = decision
        .to
        .as_ref()
        .map_or(original.clone(), ToString::to_string);
    let goes = match decision.why {
        Reason::Account => format!("into the mailbox of {to}, who has that address"),
        Reason::Subaddress => {
            let (account, detail) = without_detail(&to);
            format!("into the mailbox of {account}; {detail} is a detail")
        }
        Reason::Postmaster => format!("to {to}, who reads the postmaster's mail"),
        Reason::CatchAll => format!("to {to}, the catch-all: nobody has that address"),
        Reason::Dns => format!(
            "{}to the mail servers of its domain",
            as_whom(&original, &to)
        ),
        Reason::Smarthost => format!("{}to the smarthost", as_whom(&original, &to)),
        Reason::Expanded => "an alias: goes on to its targets".to_owned(),
        Reason::Unroutable => "cannot go anywhere".to_owned(),
    };
    let aliases = match decision.chain.as_slice() {
        [] => String::new(),
        _ if decision.why == Reason::Expanded => String::new(),
        chain => format!(", by the alias {}", join(chain, " → ")),
    };
    let why = decision
        .outcome
        .as_ref()
        .filter(|_| decision.why == Reason::Unroutable);
    let why = why.map_or_else(String::new, |outcome| {
        format!(": {} {}", outcome.status, outcome.text)
    });
    format!("{original}: {goes}{aliases}{why}")
}

/// `bob+x@example.org` as `bob@example.org` and `+x`.
fn without_detail(address: &str) -> (String, &str) {
    let detail = address
        .find('+')
        .zip(address.rfind('@'))
        .filter(|(plus, at)| plus < at);
    match detail {
        Some((plus, at)) => (
            format!("{}{}", &address[..plus], &address[at..]),
            &address[plus..at],
        ),
        None => (address.to_owned(), "what follows the +"),
    }
}

fn as_whom(original: &str, to: &str) -> String {
    if original == to {
        String::new()
    } else {
        format!("as {to} ")
    }
}

fn join<T: ToString>(things: &[T], between: &str) -> String {
    things
        .iter()
        .map(T::to_string)
        .collect::<Vec<_>>()
        .join(between)
}

/// Of more attempts, the ledger keeps the first five and the last fifteen.
const KEPT: (usize, usize) = (5, 15);

/// Each attempt with the reply.
fn attempts(job: &Job) -> Vec<Event> {
    let mut events: Vec<_> = job.log.iter().map(|attempt| tried(job, attempt)).collect();
    let (first, last) = KEPT;
    if events.len() >= first + last {
        let gap = "(of many attempts, only the first and the last are kept)";
        events[first].lines.insert(0, gap.to_owned());
    }
    events
}

fn tried(job: &Job, attempt: &Attempt) -> Event {
    let host = match (&attempt.host, attempt.peer) {
        (Some(host), Some(peer)) => format!("tried {host} at {peer}"),
        (Some(host), None) => format!("tried {host}"),
        (None, Some(peer)) => format!("tried {peer}"),
        (None, None) => match job.key.part {
            Part::Route => "routing".to_owned(),
            Part::Notice => "telling the sender".to_owned(),
            Part::Work(_) => job.destination.to_string(),
        },
    };
    let tls = attempt
        .tls
        .as_ref()
        .map_or_else(String::new, |tls| format!(" ({tls})"));
    Event::at(attempt.at, 2, format!("{host}{tls}: {}", attempt.result))
}

/// What became of recipients; those of one moment and reason together.
fn outcomes(job: &Job) -> Vec<Event> {
    let mut groups: Vec<(&Outcome, Vec<String>)> = Vec::new();
    for recipient in &job.recipients {
        let Some(outcome) = &recipient.outcome else {
            continue;
        };
        let address = recipient.address.to_string();
        match groups.iter_mut().find(|(seen, _)| *seen == outcome) {
            Some((_, addresses)) => addresses.push(address),
            None => groups.push((outcome, vec![address])),
        }
    }
    groups
        .into_iter()
        .map(|(outcome, addresses)| became(job, outcome, &addresses))
        .collect()
}

fn became(job: &Job, outcome: &Outcome, addresses: &[String]) -> Event {
    let who = enumerate(addresses);
    let why = reason(job, outcome);
    let line = match outcome.verdict {
        Verdict::Delivered => format!("delivered to {who}"),
        Verdict::Relayed => format!("relayed for {who}: {why}"),
        Verdict::Expanded => format!("{who} became other recipients"),
        Verdict::Deferred | Verdict::Failed | Verdict::Deleted => {
            format!("{} for {who}: {why}", verdict(outcome.verdict))
        }
    };
    Event::at(outcome.at, 3, line)
}

/// In whose words, and by which code; what the attempt's line says already is
/// not said twice.
fn reason(job: &Job, outcome: &Outcome) -> String {
    let code = outcome.status.to_string();
    if job.log.iter().any(|attempt| attempt.result == outcome.text) {
        return code;
    }
    let said = match &outcome.host {
        Some(host) => format!("{host} said {}", outcome.text),
        None => outcome.text.clone(),
    };
    // A remote reply mostly has the code already.
    if outcome.text.split(' ').take(2).any(|word| word == code) {
        said
    } else {
        format!("{code} {said}")
    }
}

fn told(history: &History, notice: &Notice) -> Event {
    let kind = notice_name(notice.kind);
    let done = if notice.accepted {
        "sent"
    } else {
        "is being sent"
    };
    let line = format!(
        "{kind} {done} to {}: message {}",
        history.return_path, notice.id
    );
    Event::at(notice.at, 4, line)
}

const fn notice_name(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Delay => "a delay notice",
        NoticeKind::Failure => "a failure notice",
        NoticeKind::Success => "a success notice",
    }
}

/// What is to come.
fn future(history: &History, moment: &Moment) -> Vec<String> {
    if history.closed_at.is_some() {
        return Vec::new();
    }
    let stopped = history
        .chores
        .iter()
        .filter(|job| job.state != JobState::Pending);
    if history.decisions.is_none() && stopped.clone().next().is_none() {
        return vec!["it waits to be routed".to_owned()];
    }
    let open = stopped
        .chain(&history.jobs)
        .filter(|job| job.state != JobState::Settled);
    let mut lines: Vec<_> = open.flat_map(|job| prospects(job, moment)).collect();
    if lines.is_empty() {
        lines.push("its sender is about to be told".to_owned());
    }
    lines
}

fn prospects(job: &Job, moment: &Moment) -> Vec<String> {
    let open = job.recipients.iter().filter(|recipient| {
        recipient
            .outcome
            .as_ref()
            .is_none_or(|outcome| outcome.verdict == Verdict::Deferred)
    });
    let who = match job.key.part {
        Part::Route => "deciding where it goes".to_owned(),
        Part::Notice => "telling its sender".to_owned(),
        Part::Work(_) => enumerate(&open.map(|recipient| &recipient.address).collect::<Vec<_>>()),
    };
    let to = &job.destination;
    let next = match job.state {
        JobState::Pending => format!("{who}: about to be worked on"),
        JobState::Working { .. } => format!("{who}: being worked on"),
        JobState::Waiting => format!("{who}: waits for a free connection to {to}"),
        JobState::Deferred { due } => format!("{who}: next attempt {}", moment.relative(due)),
        JobState::Held => format!(
            "{who}: held by an operator; `queue release {}` lets it go on",
            job.key
        ),
        JobState::Dead => format!(
            "{who}: dead, it was tried {} times without a result; \
             `queue retry {}` tries again, `queue bounce` gives up",
            job.tries, job.key
        ),
        JobState::Settled => return Vec::new(),
    };
    let warning = job
        .warn_at
        .map(|at| format!("  its sender hears of the delay {}", moment.relative(at)));
    let end = job
        .retry_until
        .map(|at| format!("  given up {}", moment.relative(at)));
    [Some(next), warning, end].into_iter().flatten().collect()
}
