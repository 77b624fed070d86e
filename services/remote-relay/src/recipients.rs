//! The recipients of a job as SMTP names them, with what the original ones
//! asked for (RFC 3461 §5.2.1).

use std::collections::BTreeMap;

use message::{Envelope, Notify, Recipient};
use store::ledger::{FinalRecipient, JobRecord};

/// The open recipients of `job`, by index.
pub(crate) fn open(job: &JobRecord, envelope: &Envelope) -> BTreeMap<u32, Recipient> {
    let open = job.open_recipients();
    open.map(|(index, state)| (index, recipient(&state.recipient, envelope)))
        .collect()
}

fn recipient(reached: &FinalRecipient, envelope: &Envelope) -> Recipient {
    let originals = reached.originals.iter();
    let originals = originals.filter_map(|index| envelope.recipients.get(*index as usize));
    let mut recipient = Recipient::new(reached.address.clone());
    for (count, original) in originals.enumerate() {
        if count == 0 {
            recipient.notify = original.notify;
            recipient.orcpt = original.orcpt.clone();
            continue;
        }
        // Several recipients became one: whoever wants to hear does, and no
        // single original recipient can be named.
        recipient.notify = either(recipient.notify, original.notify);
        recipient.orcpt = None;
    }
    recipient
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
