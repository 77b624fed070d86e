//! The report of the check.

use web_gateway::api::{CheckSummary, Finding, FindingKind};

use super::count;

pub(crate) fn finding(finding: &Finding) -> String {
    format!(
        "FAULT  {}: {}: {}",
        name(finding.kind),
        finding.subject,
        finding.detail
    )
}

const fn name(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Unsettled => "unsettled",
        FindingKind::Counts => "counts",
        FindingKind::MessageWithoutContent => "message without content",
        FindingKind::ReferenceWithoutContent => "reference without content",
        FindingKind::ReferenceWithoutHolder => "reference nobody needs",
        FindingKind::EntryWithoutContent => "mailbox entry without content",
        FindingKind::EntryWithoutReference => "mailbox entry without reference",
        FindingKind::ContentWithoutReference => "orphaned content",
        FindingKind::ContentDamaged => "damaged content",
        FindingKind::Mailbox => "mailbox",
    }
}

pub(crate) fn check_summary(summary: &CheckSummary) -> String {
    let counts = &summary.counts;
    let verdict = match summary.findings {
        0 => "nothing is lost: no faults".to_owned(),
        findings => count(findings, "fault"),
    };
    format!(
        "accepted {} = settled {} + in flight {}\n\
         recipients: {} delivered, {} relayed, {} failed ({} could not be told), {} deleted\n\
         looked at {}, {} ({} not shown yet), {} ({} unreferenced and to be reclaimed), {} with {}\n\
         {}{verdict}",
        counts.accepted,
        counts.settled,
        counts.in_flight,
        counts.delivered,
        counts.relayed,
        counts.failed,
        counts.untold,
        counts.deleted,
        count(summary.open_messages, "open message"),
        count(summary.references, "reference"),
        summary.unclaimed,
        count(summary.contents, "content"),
        summary.unreferenced,
        count(summary.accounts, "account"),
        count(summary.entries, "message"),
        dead(counts.dead),
    )
}

fn dead(jobs: u64) -> String {
    match jobs {
        0 => String::new(),
        1 => "1 job is dead: `queue list` shows it; retry, bounce or delete it\n".to_owned(),
        jobs => {
            format!("{jobs} jobs are dead: `queue list` shows them; retry, bounce or delete them\n")
        }
    }
}
