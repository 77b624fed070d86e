//! The recipients of a job as SMTP names them, with what the original ones
//! asked for (RFC 3461 §5.2.1 and, behind aliases, §5.2.7).

use std::collections::BTreeMap;

use message::{Envelope, Notify, Recipient};
use store::ledger::{FinalRecipient, JobRecord};

/// The open recipients of `job`, by index.
pub(crate) fn open(job: &JobRecord, envelope: &Envelope) -> BTreeMap<u32, Recipient> {
    let open = job.open_recipients();
    open.map(|(index, state)| (index, recipient(&state.recipient, &job.expanded, envelope)))
        .collect()
}

fn recipient(reached: &FinalRecipient, expanded: &[u32], envelope: &Envelope) -> Recipient {
    let mut recipient = Recipient::new(reached.address.clone());
    for (count, index) in reached.originals.iter().enumerate() {
        let Some(original) = envelope.recipients.get(*index as usize) else {
            continue;
        };
        let notify = match expanded.contains(index) {
            true => without_success(original.notify),
            false => original.notify,
        };
        if count == 0 {
            recipient.notify = notify;
            recipient.orcpt = original.orcpt.clone();
            continue;
        }
        // Several recipients became one: whoever wants to hear does, and no
        // single original recipient can be named.
        recipient.notify = either(recipient.notify, notify);
        recipient.orcpt = None;
    }
    recipient
}

/// What is left to ask once the expansion was reported (RFC 3461 §5.2.7.2 c).
fn without_success(notify: Notify) -> Notify {
    match notify {
        Notify::When { failure, delay, .. } if failure || delay => Notify::When {
            success: false,
            failure,
            delay,
        },
        Notify::When { .. } | Notify::Never => Notify::Never,
        Notify::Unspecified => Notify::Unspecified,
    }
}

/// Notices for whom one of two asked.
fn either(one: Notify, two: Notify) -> Notify {
    if one == two {
        return one;
    }
    let wants = |ask: fn(Notify) -> bool| ask(one) || ask(two);
    Notify::When {
        success: wants(Notify::wants_success),
        failure: wants(Notify::wants_failure),
        delay: wants(Notify::wants_delay),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_not_asked_for_once_it_was_told() {
        let when = |success, failure, delay| Notify::When {
            success,
            failure,
            delay,
        };
        for (asked, left) in [
            (Notify::Unspecified, Notify::Unspecified),
            (Notify::Never, Notify::Never),
            (when(true, false, false), Notify::Never),
            (when(true, true, false), when(false, true, false)),
            (when(false, false, true), when(false, false, true)),
        ] {
            assert_eq!(without_success(asked), left, "{asked:?}");
        }
    }

    #[test]
    fn merged_recipients_hear_what_either_asked_for() {
        let when = |success, failure, delay| Notify::When {
            success,
            failure,
            delay,
        };
        assert_eq!(either(Notify::Never, Notify::Never), Notify::Never);
        assert_eq!(
            either(Notify::Never, Notify::Unspecified),
            when(false, true, true)
        );
        let success = when(true, false, false);
        assert_eq!(either(success, Notify::Unspecified), when(true, true, true));
    }
}
