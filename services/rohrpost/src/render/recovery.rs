//! Whether the store may have lost mail, and what.

use store::mailbox::Cause;
use web_gateway::api::{LostMessage, LostSummary, Recovered, Standing};

use super::queue::cut;
use super::{Moment, Table, count, enumerate, size};

/// How the store stands, in a sentence or two.
pub(crate) fn standing(standing: &Standing, moment: &Moment) -> String {
    let Standing {
        epoch, confirmed, ..
    } = standing;
    if standing.settled {
        return format!("the store is settled (epoch {epoch})");
    }
    let cause = match standing.cause {
        Some(Cause::Restored) => "an older copy of it is in use",
        Some(Cause::Promoted) => "a replica became the primary",
        Some(Cause::Declared) => "an operator said that an older copy was put in place",
        None => "its epoch rose",
    };
    let until = standing.known_until.map_or_else(String::new, |until| {
        format!(
            "\nit knows all that was accepted until {}; what came later may be lost",
            moment.relative(until)
        )
    });
    format!("the store is not settled (epoch {epoch}, confirmed {confirmed}): {cause}{until}")
}

/// After an operator said that an older copy is in use.
pub(crate) fn raised(raised: &Standing, moment: &Moment) -> String {
    format!(
        "{}\nnumbers of mailboxes jump, and nothing is swept up\n{LIST}",
        standing(raised, moment)
    )
}

/// After an operator confirmed.
pub(crate) fn confirmed(confirmed: &Standing, moment: &Moment) -> String {
    let told = standing(confirmed, moment);
    match confirmed.settled {
        true => format!(
            "{told}: the sweep goes on\nit removes what nobody refers to once that is 7 days old"
        ),
        false => format!("{told}\nit rose meanwhile: look again"),
    }
}

const LIST: &str = "`rohrpost check --recover` lists what is lost";

const REMEDIES: &str = "
check --recover --deliver all        accepts them again: they are routed and delivered
check --recover --deliver MESSAGE …  accepts some of them
                        --only-here  leaves out recipients elsewhere, who may have got them
                        --to ADDRESS names others than those they came for
check --confirm                      lets the sweep go on, when all is seen to";

/// A row for each lost message.
pub(crate) fn lost(messages: &[LostMessage], moment: &Moment) -> Table {
    let mut table = Table::new(&["MESSAGE", "STORED", "SIZE", "FROM", "TO", "SUBJECT"]);
    for lost in messages {
        let from = lost.return_path.as_ref().map(ToString::to_string);
        table.row([
            lost.message.to_string(),
            moment.date(lost.stored_at),
            size(lost.size),
            from.or_else(|| lost.from.clone())
                .unwrap_or_else(|| "–".to_owned()),
            recipients(lost),
            cut(lost.subject.as_deref().unwrap_or("–")),
        ]);
    }
    table
}

/// The first recipient here, and how many there are beside, here and elsewhere.
fn recipients(lost: &LostMessage) -> String {
    let elsewhere = lost.elsewhere.len();
    match (lost.here.as_slice(), lost.elsewhere.as_slice()) {
        ([], []) => "– (put into a mailbox)".to_owned(),
        ([], [first]) => format!("{first} (elsewhere)"),
        ([], [first, ..]) => format!("{first} +{} (elsewhere)", elsewhere - 1),
        ([first], []) => first.to_string(),
        ([first, others @ ..], []) => format!("{first} +{}", others.len()),
        ([first], _) => format!("{first} +{elsewhere} elsewhere"),
        ([first, others @ ..], _) => {
            format!("{first} +{} +{elsewhere} elsewhere", others.len())
        }
    }
}

/// What the list comes to, and what can be done.
pub(crate) fn lost_summary(summary: &LostSummary) -> String {
    let LostSummary {
        messages,
        octets,
        young,
        damaged,
    } = *summary;
    let found = match messages {
        0 => "no message is lost: all that has content has an entry".to_owned(),
        _ => format!(
            "{} ({}) without an entry; nothing was changed",
            count(messages, "message"),
            size(octets)
        ),
    };
    let young = (young > 0).then(|| {
        let contents = count(young, "content");
        format!("{contents} may be on the way into the ledger; look again, or --grace 0")
    });
    let damaged = (damaged > 0).then(|| {
        let contents = count(damaged, "content");
        format!("{contents} cannot be read; see `rohrpost check`")
    });
    let remedies = (messages > 0).then(|| REMEDIES.to_owned());
    let lines = [Some(found), young, damaged, remedies];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// A message that was accepted again.
pub(crate) fn recovered(recovered: &Recovered, _: &Moment) -> String {
    let Recovered {
        message,
        recipients,
        accepted,
    } = recovered;
    match accepted {
        true => format!("{message}: accepted again for {}", enumerate(recipients)),
        false => format!("{message}: the ledger knows it already"),
    }
}

/// A message that was left because nobody here is among its recipients.
pub(crate) fn not_here(lost: &LostMessage) -> String {
    format!("{}: none of its recipients is here; left", lost.message)
}

/// What delivering came to.
pub(crate) fn delivered(messages: u64) -> String {
    match messages {
        0 => "nothing was delivered".to_owned(),
        _ => format!(
            "{} on the way: `rohrpost trace` tells of each",
            count(messages, "message")
        ),
    }
}
