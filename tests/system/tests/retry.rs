//! A remote server that is away: delay notice, failure notice, or, where it
//! comes back in time, the message.

use anyhow::{Result, ensure};
use config::Span;
use system::{House, Plan, Remote, until};

const CONTENT: &[u8] = b"Date: Mon, 23 Nov 2026 15:05:00 +0000\r\nMessage-ID: <1@client.test>\r\nFrom: alice@rohrpost.test\r\nTo: carol@sink.test\r\nSubject: to carol\r\n\r\nhello\r\n";

async fn subjects(house: &House, address: &str) -> Result<Vec<String>> {
    let inbox = house.inbox(address).await?;
    let subjects = inbox
        .iter()
        .filter_map(|message| message["subject"].as_str());
    Ok(subjects.map(str::to_owned).collect())
}

#[tokio::test]
async fn a_dead_server_gives_a_delay_notice_and_then_a_failure_notice() -> Result<()> {
    let remote = Remote::silent().await?;
    let plan = Plan::new()?.facing(&remote).with(|config| {
        config.relay.warn_after = Span::seconds(1);
        config.relay.give_up_after = Span::seconds(4);
    });
    let house = plan.start().await?;
    let [alice, _] = house.accounts();
    let mut client = house.submit_as(alice).await?;
    let id = client
        .mail(&alice.address, &["carol@sink.test"], CONTENT)
        .await?;

    let inbox = until("both notices are there", async || {
        let inbox = house.inbox(&alice.address).await?;
        Ok((inbox.len() >= 2).then_some(inbox))
    })
    .await?;
    house.wait_until_settled().await?;
    let notices: Vec<_> = subjects(&house, &alice.address).await?;
    assert_eq!(notices.len(), 2, "{notices:?}");
    let mut reports = Vec::new();
    for notice in &inbox {
        let uid = notice["uid"].to_string();
        let octets = house
            .octets(&["message", "show", &alice.address, &uid, "--raw"])
            .await?;
        reports.push(String::from_utf8(octets)?);
    }
    for (report, action) in reports.iter().zip(["delayed", "failed"]) {
        for part in [
            "Return-Path: <>\r\n",
            "Auto-Submitted: auto-replied\r\n",
            "Final-Recipient: rfc822; carol@sink.test\r\n",
            &format!("Action: {action}\r\n"),
            &id.to_string(),
        ] {
            ensure!(report.contains(part), "no {part:?} in\n{report}");
        }
    }
    let history = house.tell(&["trace", &id.to_string()]).await?;
    for part in ["a delay notice sent", "a failure notice sent", "settled"] {
        ensure!(history.contains(part), "no {part:?} in\n{history}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_comes_back_gets_the_message_and_nobody_a_notice() -> Result<()> {
    let mut remote = Remote::silent().await?;
    let house = Plan::new()?.facing(&remote).start().await?;
    let [alice, _] = house.accounts();
    let mut client = house.submit_as(alice).await?;
    let id = client
        .mail(&alice.address, &["carol@sink.test"], CONTENT)
        .await?;
    until("an attempt has failed", async || {
        let queue = house.json(&["queue", "list"]).await?;
        let attempts = queue
            .first()
            .and_then(|item| item["jobs"][0]["attempts"].as_u64());
        Ok((attempts >= Some(2)).then_some(()))
    })
    .await?;
    remote.sink.resume().await?;
    let received = remote.sink.wait_for("the message", |_| true).await?;
    ensure!(received.octets.ends_with(CONTENT));
    house.wait_until_settled().await?;
    assert_eq!(remote.sink.received().len(), 1);
    assert_eq!(
        subjects(&house, &alice.address).await?,
        Vec::<String>::new()
    );
    let history = house.tell(&["trace", &id.to_string()]).await?;
    ensure!(history.contains("relayed for carol@sink.test"), "{history}");
    Ok(())
}
