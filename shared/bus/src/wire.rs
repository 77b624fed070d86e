//! What adapters put around a job: the names of headers, and the values that
//! all of them share.

use message::Topic;

use crate::Outgoing;

/// Carries the trace context (W3C Trace Context §3.2).
pub(crate) const TRACE: &str = "traceparent";

/// Says why octets were buried.
pub(crate) const REASON: &str = "rohrpost-reason";

/// Says where the buried octets were found.
pub(crate) const FOUND_ON: &str = "rohrpost-topic";

/// The largest payload of a topic for jobs, which have at most 200 octets. What
/// is buried may be larger: others may have put it there.
pub(crate) const MAX_JOB: usize = 4096;

/// How much of a reason is kept.
const MAX_REASON: usize = 400;

/// The topics that services read; of [`Topic::Dead`] only people do.
pub(crate) const READ: [Topic; 4] = [Topic::Accepted, Topic::Local, Topic::Remote, Topic::Outcome];

/// Names one publication, so that only repeats of one call are duplicates.
pub(crate) fn publication_id(outgoing: &Outgoing) -> String {
    let job = outgoing.job;
    format!("{}/{}/{}", job.key, job.generation, outgoing.publication)
}

/// A reason as one line that fits a header.
pub(crate) fn reason_line(reason: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    reason.chars().take(MAX_REASON).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_one_short_line() {
        assert_eq!(reason_line("a\r\nb: c"), "a  b: c");
        assert_eq!(reason_line(&"ä".repeat(1000)).chars().count(), MAX_REASON);
    }
}
