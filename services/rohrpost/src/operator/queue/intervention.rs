//! What an operator does to jobs: one by one, or to all that fit.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use web_gateway::api::{Action, Intervened, JobIntervened, Selection, SweepingIntervention, Swept};

use super::super::client::Client;
use super::super::terminal::Terminal;
use super::pages;
use crate::Failure;
use crate::arguments::Which;
use crate::render::count;

/// Intervenes in what the command line means.
pub(in super::super) async fn intervene(
    which: Which,
    action: Action,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let selection = Selection::from(which.selecting);
    if which.all_matching {
        return sweep(selection, action, which.yes, client, terminal).await;
    }
    if !selection.is_everything() {
        return Err(Failure::Usage(
            "options that select jobs need --all-matching; ids are taken as they are".to_owned(),
        ));
    }
    for id in &which.ids {
        act(id, &action, client, terminal).await?;
    }
    Ok(())
}

/// Intervenes in one message or job.
pub(in super::super) async fn act(
    id: &str,
    action: &Action,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let intervened = one(id, action, client).await?;
    report(&intervened, done(action), terminal)
}

async fn one(id: &str, action: &Action, client: &Client) -> Result<Intervened, Failure> {
    /// A body that says nothing.
    #[derive(Serialize)]
    struct Empty {}
    match action {
        Action::Retry => client.post(&["queue", id, "retry"], &Empty {}).await,
        Action::Hold => client.post(&["queue", id, "hold"], &Empty {}).await,
        Action::Release => client.post(&["queue", id, "release"], &Empty {}).await,
        Action::Redirect(to) => client.post(&["queue", id, "redirect"], to).await,
        Action::Bounce(reason) => client.post(&["queue", id, "bounce"], reason).await,
        Action::Delete(reason) => {
            let reason = reason.reason.iter();
            let query: Vec<_> = reason.map(|why| ("reason", why.clone())).collect();
            client.delete_with(&["queue", id], &query).await
        }
    }
}

/// What a job does then.
const fn done(action: &Action) -> &'static str {
    match action {
        Action::Retry => "is tried again",
        Action::Hold => "is held",
        Action::Release => "goes on",
        Action::Redirect(_) => "is tried at its new destination",
        Action::Bounce(_) => "is returned to its sender",
        Action::Delete(_) => "is deleted",
    }
}

fn report(intervened: &Intervened, done: &str, terminal: &Terminal) -> Result<(), Failure> {
    terminal.show(intervened, |intervened, _| {
        let line = |job: &JobIntervened| match job.done {
            true => format!("{} {done}", job.key),
            false => format!("{} stays as it is: its state does not allow it", job.key),
        };
        let lines: Vec<_> = intervened.jobs.iter().map(line).collect();
        lines.join("\n")
    })
}

/// Intervenes in all jobs that fit; an operator at a terminal is asked first.
async fn sweep(
    selection: Selection,
    action: Action,
    yes: bool,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    if selection.is_everything() {
        return Err(Failure::Usage(
            "--all-matching needs an option that selects jobs; \
             --older-than 0s means the whole queue"
                .to_owned(),
        ));
    }
    if !yes && io::stdin().is_terminal() && !confirmed(&selection, &action, client).await? {
        return terminal.done("nothing is done");
    }
    let done = action.participle();
    let mut order = SweepingIntervention {
        action,
        selection,
        after: None,
    };
    let mut sum = Swept::default();
    loop {
        let part: Swept = client.post(&["queue", "interventions"], &order).await?;
        sum.messages += part.messages;
        sum.done += part.done;
        sum.unchanged += part.unchanged;
        order.after = part.next;
        if order.after.is_none() {
            break;
        }
    }
    terminal.show(&sum, |sum, _| told(sum, done))
}

fn told(sum: &Swept, done: &str) -> String {
    let mut text = format!("{} {done}", count(sum.done, "job"));
    if sum.unchanged > 0 {
        let unchanged = count(sum.unchanged, "job");
        text.push_str(&format!(
            ", {unchanged} left as before: their state does not allow it"
        ));
    }
    text
}

async fn confirmed(
    selection: &Selection,
    action: &Action,
    client: &Client,
) -> Result<bool, Failure> {
    let (mut messages, mut jobs, mut recipients) = (0, 0, 0);
    let mut pages = pages(client, selection);
    while let Some(items) = pages.next().await? {
        for item in items.iter().filter(|item| !item.jobs.is_empty()) {
            messages += 1;
            jobs += item.jobs.len() as u64;
            let counts = item.jobs.iter().map(|job| job.recipients.len() as u64);
            recipients += counts.sum::<u64>();
        }
    }
    let question = format!(
        "{} of {}, to {}, will be {}. Go on? [y/N] ",
        count(jobs, "job"),
        count(messages, "message"),
        count(recipients, "recipient"),
        action.participle()
    );
    let answer = tokio::task::spawn_blocking(move || ask(&question)).await;
    answer
        .map_err(io::Error::other)
        .and_then(|answer| answer)
        .map_err(Failure::Output)
}

fn ask(question: &str) -> io::Result<bool> {
    let mut out = io::stderr().lock();
    write!(out, "{question}")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
