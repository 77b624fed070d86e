//! What adapters put around a job: the names of headers, and the values that
//! all of them share.

use message::Topic;

use crate::{BusError, Outgoing};

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

/// Where buried octets were found; what strangers put on `mail.dead` was found
/// there.
pub(crate) fn found_on(header: Option<&str>) -> Topic {
    let named = |topic: &Topic| Some(topic.name()) == header;
    Topic::ALL.into_iter().find(named).unwrap_or(Topic::Dead)
}

/// The topic to which buried octets can be given back.
pub(crate) fn home(topic: Topic) -> Result<Topic, BusError> {
    match topic {
        Topic::Dead => Err(BusError::Unsupported(
            "give back what was found on no topic",
        )),
        Topic::Accepted | Topic::Local | Topic::Remote | Topic::Outcome => Ok(topic),
    }
}

/// Why octets were buried.
pub(crate) fn reason(header: Option<&str>) -> String {
    header.unwrap_or("no reason is given").to_owned()
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
    fn strangers_have_no_home() {
        assert_eq!(found_on(Some("mail.local")), Topic::Local);
        assert_eq!(found_on(Some("elsewhere")), Topic::Dead);
        assert!(home(found_on(None)).is_err());
        assert!(home(Topic::Remote).is_ok());
    }

    #[test]
    fn reasons_are_one_short_line() {
        assert_eq!(reason_line("a\r\nb: c"), "a  b: c");
        assert_eq!(reason_line(&"ä".repeat(1000)).chars().count(), MAX_REASON);
    }
}
