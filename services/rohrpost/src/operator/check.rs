//! `rohrpost check`

use web_gateway::api::{CheckLine, CheckSummary, Confirmation, Standing};

use super::client::Client;
use super::recover;
use super::report::Report;
use super::terminal::Terminal;
use crate::Failure;
use crate::arguments::CheckOrder;
use crate::render;

/// Checks, or does something about what was lost.
pub(super) async fn check(
    order: CheckOrder,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    if order.restored {
        let standing: Standing = client.post(&["standing", "raise"], &()).await?;
        return terminal.show(&standing, render::raised);
    }
    if order.confirm {
        return confirm(client, terminal).await;
    }
    if order.recover {
        return recover::recover(&order, client, terminal).await;
    }
    everything(order.grace, client, terminal).await
}

/// Confirms the epoch that the store has now, and no later one.
async fn confirm(client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let Standing { epoch, .. } = client.get(&["standing"], &[]).await?;
    let confirmation = Confirmation { epoch };
    let standing: Standing = client.post(&["standing", "confirm"], &confirmation).await?;
    terminal.show(&standing, render::confirmed)
}

/// The part of a query that names the grace.
pub(super) fn grace_query(grace: Option<u32>) -> Vec<(&'static str, String)> {
    let seconds = grace.iter().map(u32::to_string);
    seconds.map(|seconds| ("grace", seconds)).collect()
}

/// Shows the report as it comes; faults are a failure.
async fn everything(
    grace: Option<u32>,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut report = Report::of(client, &["check"], &grace_query(grace)).await?;
    loop {
        let line = report.next().await?;
        if let Some(summary) = show(&line, client, terminal)? {
            return verdict(&summary);
        }
    }
}

/// Shows a line; the summary is the last one.
fn show(
    line: &CheckLine,
    client: &Client,
    terminal: &Terminal,
) -> Result<Option<CheckSummary>, Failure> {
    match line {
        CheckLine::Standing(standing) => {
            terminal.show(line, |_, moment| render::standing(standing, moment))?;
            Ok(None)
        }
        CheckLine::Finding(finding) => {
            terminal.show(line, |_, _| render::finding(finding))?;
            Ok(None)
        }
        CheckLine::Summary(summary) => {
            terminal.show(line, |_, _| render::check_summary(summary))?;
            Ok(Some(summary.clone()))
        }
        CheckLine::Aborted { reason } => {
            Err(client.broken(format_args!("the check cannot go on: {reason}")))
        }
    }
}

fn verdict(summary: &CheckSummary) -> Result<(), Failure> {
    match summary.findings {
        0 => Ok(()),
        findings => Err(Failure::Faults { findings }),
    }
}
