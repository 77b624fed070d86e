//! `rohrpost check --recover`: messages that the store has lost.

use std::collections::BTreeSet;

use message::MessageId;
use web_gateway::api::{LostLine, LostMessage, LostSummary, Recovered, Recovery, Standing};

use super::check::grace_query;
use super::client::Client;
use super::report::Report;
use super::terminal::Terminal;
use crate::Failure;
use crate::arguments::{CheckOrder, Chosen};
use crate::render;

/// How many messages are shown at a time.
const ROWS: usize = 100;

/// Lists what is lost; with a choice, delivers that.
pub(super) async fn recover(
    order: &CheckOrder,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let lost = Report::of(client, &["lost"], &grace_query(order.grace)).await?;
    match order.deliver.as_slice() {
        [] => list(lost, client, terminal).await,
        chosen => {
            let recovery = Recovery {
                to: order.to.clone(),
                only_here: order.only_here,
            };
            let delivery = Delivery {
                client,
                terminal,
                recovery,
                choice: Choice::of(chosen),
            };
            delivery.run(lost).await
        }
    }
}

async fn list(
    mut lost: Report<'_, LostLine>,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    if !terminal.json {
        let standing: Standing = client.get(&["standing"], &[]).await?;
        terminal.show(&standing, render::standing)?;
    }
    let mut rows = Vec::new();
    let mut first = true;
    loop {
        let line = lost.next().await?;
        if terminal.json {
            terminal.json_line(&line)?;
        }
        let summary = match line {
            LostLine::Message(message) => {
                rows.push(message);
                None
            }
            LostLine::Summary(summary) => Some(summary),
            LostLine::Aborted { reason } => return Err(broken(client, &reason)),
        };
        if rows.len() == ROWS || summary.is_some() && !rows.is_empty() {
            let table = render::lost(&std::mem::take(&mut rows), &terminal.moment);
            terminal.done(table.render(std::mem::take(&mut first)))?;
        }
        if let Some(summary) = summary {
            return terminal.done(render::lost_summary(&summary));
        }
    }
}

fn broken(client: &Client, reason: &str) -> Failure {
    client.broken(format_args!("the list cannot go on: {reason}"))
}

/// Which messages an operator chose.
enum Choice {
    All,
    /// Those that were not met yet.
    These(BTreeSet<MessageId>),
}

impl Choice {
    fn of(chosen: &[Chosen]) -> Self {
        let mut these = BTreeSet::new();
        for each in chosen {
            match each {
                Chosen::All => return Self::All,
                Chosen::One(message) => these.insert(*message),
            };
        }
        Self::These(these)
    }

    /// Whether a message is to be delivered; true once for each that was named.
    fn takes(&mut self, message: MessageId) -> bool {
        match self {
            Self::All => true,
            Self::These(these) => these.remove(&message),
        }
    }

    fn missing(&self) -> Vec<MessageId> {
        match self {
            Self::All => Vec::new(),
            Self::These(these) => these.iter().copied().collect(),
        }
    }
}

/// Delivering what was chosen, while the list is read.
struct Delivery<'c> {
    client: &'c Client,
    terminal: &'c Terminal,
    recovery: Recovery,
    choice: Choice,
}

impl Delivery<'_> {
    async fn run(mut self, mut lost: Report<'_, LostLine>) -> Result<(), Failure> {
        let (mut delivered, mut left) = (0, 0);
        let _: LostSummary = loop {
            match lost.next().await? {
                LostLine::Message(message) if self.choice.takes(message.message) => {
                    if self.recovery.only_here && message.here.is_empty() {
                        self.terminal.done(render::not_here(&message))?;
                        continue;
                    }
                    match self.deliver(&message).await? {
                        true => delivered += 1,
                        false => left += 1,
                    }
                }
                LostLine::Message(_) => {}
                LostLine::Summary(summary) => break summary,
                LostLine::Aborted { reason } => return Err(broken(self.client, &reason)),
            }
        };
        for message in self.choice.missing() {
            eprintln!("{message}: is not among what is lost");
            left += 1;
        }
        self.terminal.done(render::delivered(delivered))?;
        match left {
            0 => Ok(()),
            left => Err(Failure::Left { left }),
        }
    }

    /// False where it cannot be: the reason is told, and others go on.
    async fn deliver(&self, lost: &LostMessage) -> Result<bool, Failure> {
        let path = ["lost", lost.content.as_str()];
        match self.client.post::<Recovered>(&path, &self.recovery).await {
            Ok(recovered) => {
                self.terminal.show(&recovered, render::recovered)?;
                Ok(true)
            }
            Err(Failure::Refused(problem)) if problem.status < 500 => {
                eprintln!("{}: {}", lost.message, problem.detail);
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }
}
