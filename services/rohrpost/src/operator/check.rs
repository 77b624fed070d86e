//! `rohrpost check`

use web_gateway::api::{CheckLine, CheckSummary};

use super::client::Client;
use super::terminal::Terminal;
use crate::Failure;
use crate::render;

/// The longest line of a report.
const LONGEST: usize = 1024 * 1024;

/// Shows the report as it comes; faults are a failure.
pub(super) async fn check(
    grace: Option<u32>,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let query: Vec<_> = grace
        .iter()
        .map(|seconds| ("grace", seconds.to_string()))
        .collect();
    let mut report = client.stream(&["check"], &query).await?;
    let mut pending = Vec::new();
    while let Some(chunk) = report.chunk().await.map_err(|error| client.broken(error))? {
        pending.extend_from_slice(&chunk);
        while let Some(end) = pending.iter().position(|&octet| octet == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            let line = serde_json::from_slice(&line).map_err(|error| client.broken(error))?;
            if let Some(summary) = show(&line, client, terminal)? {
                return verdict(&summary);
            }
        }
        if pending.len() > LONGEST {
            return Err(client.broken("a line of the report has no end"));
        }
    }
    Err(client.broken("the report of the check broke off"))
}

/// Shows a line; the summary is the last one.
fn show(
    line: &CheckLine,
    client: &Client,
    terminal: &Terminal,
) -> Result<Option<CheckSummary>, Failure> {
    match line {
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
