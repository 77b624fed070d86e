//! What became of the messages of a run, counted one by one.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use system::{Copies, House, Load, Remote, Tally};

use crate::NOBODY;

/// Every accepted number is where it belongs.
pub(crate) async fn account_for(house: &House, remote: &Remote, tally: &Tally) -> Result<()> {
    let addresses = house.accounts().map(|account| account.address.as_str());
    let places = [
        ("mailboxes", Copies::in_mailboxes(house, &addresses).await?),
        ("sink", Copies::at(&remote.sink)),
        ("notices", notices(house, addresses[0]).await?),
    ];
    let accepted = tally.accepted();
    println!(
        "accepted {}, refused {}, unanswered {}",
        accepted.len(),
        tally.refused(),
        tally.broken()
    );
    let mut missing = Vec::new();
    for (number, recipients) in &accepted {
        for recipient in recipients {
            if !places
                .iter()
                .any(|(_, copies)| copies.of(*number, recipient) > 0)
            {
                missing.push(format!("{number} for {recipient}"));
            }
        }
    }
    for (place, copies) in &places {
        let doubled = copies.doubled();
        println!("{place}: {}, duplicates {doubled}", copies.count());
        // RFC 5321 §6.1 allows it at the sink alone: killed before its 250 was recorded.
        ensure!(
            doubled == 0 || *place == "sink",
            "{doubled} duplicates in {place}"
        );
    }
    println!("missing {}", missing.len());
    ensure!(missing.is_empty(), "missing: {}", missing.join(", "));
    intact(house, &accepted).await
}

/// What the sender was told of: each notice returns the header of its message.
async fn notices(house: &House, sender: &str) -> Result<Copies> {
    let mut copies = Copies::default();
    for message in house.inbox(sender).await? {
        let subject = message["subject"].as_str().unwrap_or_default();
        if Load::number(subject).is_some() {
            continue;
        }
        let uid = message["uid"].to_string();
        let notice = house
            .tell(&["message", "show", sender, &uid, "--raw"])
            .await?;
        let returned = notice
            .lines()
            .filter_map(|line| line.strip_prefix("Subject: "));
        let number = returned.filter_map(Load::number).next();
        let number = number.with_context(|| format!("not a notice: {notice}"))?;
        ensure!(notice.contains("Action: failed"), "{notice}");
        copies.add(number, NOBODY);
    }
    Ok(copies)
}

/// Some of the messages, octet for octet.
async fn intact(house: &House, accepted: &BTreeMap<u64, Vec<String>>) -> Result<()> {
    let [alice, _] = house.accounts();
    let inbox = house.inbox(&alice.address).await?;
    for entry in inbox.iter().step_by(inbox.len() / 20 + 1) {
        let uid = entry["uid"].to_string();
        let octets = house
            .octets(&["message", "show", &alice.address, &uid, "--raw"])
            .await?;
        let number = entry["subject"].as_str().and_then(Load::number);
        let Some((number, to)) = number.and_then(|number| accepted.get_key_value(&number)) else {
            continue;
        };
        let content = [alice.address.as_str(), "dave@sink.test"]
            .map(|from| Load::content(*number, from, &to.join(", ")));
        let whole = content.iter().any(|content| octets.ends_with(content));
        ensure!(whole, "message {number} has changed");
    }
    Ok(())
}

/// Without any grace, all that the check finds are contents whose client was
/// cut off before its message was in the ledger: at most one for each.
pub(crate) async fn only_orphans(house: &House, broken: u64) -> Result<()> {
    let checked = house.run(&["check", "--grace", "0", "--json"], "").await?;
    let lines = String::from_utf8(checked.stdout)?;
    let lines: Vec<Value> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let findings = || lines.iter().filter(|line| line["line"] == "finding");
    let other = findings().find(|finding| finding["kind"] != "content-without-reference");
    ensure!(other.is_none(), "{other:?}");
    let orphans = findings().count();
    println!("{orphans} contents of unanswered messages wait for the sweep");
    ensure!(
        orphans as u64 <= broken,
        "{orphans} orphans of {broken} broken transactions"
    );
    Ok(())
}
