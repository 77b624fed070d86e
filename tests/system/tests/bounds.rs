//! Promises 5 and 7: nobody waits for a slow destination, and memory does not
//! grow with messages.

use std::time::Duration;

use anyhow::{Result, ensure};
use config::Span;
use system::{Answer, Client, House, Plan, Remote, Signal, Stage, until};
use tokio::time::Instant;

fn letter(subject: &str) -> Vec<u8> {
    format!("From: alice@rohrpost.test\r\nSubject: {subject}\r\n\r\nhello\r\n").into_bytes()
}

/// Silence for recipients in `other.test`.
fn one_domain_hangs(stage: Stage, line: &str) -> Answer {
    match stage {
        Stage::Recipient if line.contains("@other.test") => Answer::Silence,
        _ => Answer::Accept,
    }
}

#[tokio::test]
async fn a_silent_destination_holds_back_nobody_else() -> Result<()> {
    let remote = Remote::start().await?;
    remote.sink.behave(one_domain_hangs);
    let plan = Plan::new()?.facing(&remote).with(|config| {
        config.relay.per_destination = 5;
        config.relay.concurrency = 10;
    });
    let mut house = plan.start().await?;
    let [alice, bob] = house.accounts().map(|account| account.clone());
    let mut client = house.submit_as(&alice).await?;
    for number in 0..40 {
        let stuck = letter(&format!("stuck {number}"));
        client
            .mail(&alice.address, &["erin@other.test"], &stuck)
            .await?;
    }
    until("all slots of the destination hang", async || {
        let queue = house
            .json(&["queue", "list", "--destination", "other.test"])
            .await?;
        let working = queue
            .iter()
            .filter(|item| item["jobs"][0]["state"] == "working");
        Ok((working.count() == 5).then_some(()))
    })
    .await?;
    for number in 0..20 {
        let quick = letter(&format!("quick {number}"));
        client
            .mail(&alice.address, &["carol@sink.test", &bob.address], &quick)
            .await?;
    }
    let arrived = |messages: &[system::Received]| messages.len() == 20;
    until("the others have arrived", async || {
        Ok(remote.sink.look(arrived).then_some(()))
    })
    .await?;
    until("bob has his", async || {
        Ok((house.inbox(&bob.address).await?.len() == 20).then_some(()))
    })
    .await?;

    // Conversations that hang do not hold up the end, nor does the end lose them.
    let begin = Instant::now();
    house.signal(Signal::Interrupt)?;
    ensure!(house.end().await?.success());
    ensure!(
        begin.elapsed() < Duration::from_secs(12),
        "{:?}",
        begin.elapsed()
    );
    remote.sink.behave(|_, _| Answer::Accept);
    house.resume().await?;
    let all = |messages: &[system::Received]| messages.len() == 60;
    until("what hung has arrived", async || {
        Ok(remote.sink.look(all).then_some(()))
    })
    .await?;
    house.wait_until_settled().await
}

#[tokio::test]
async fn large_messages_stream_through() -> Result<()> {
    const MIB: usize = 1 << 20;
    let remote = Remote::start().await?;
    let plan = Plan::new()?.facing(&remote).with(|config| {
        config.smtp.max_size = config::Size::mib(32);
    });
    let house = plan.start().await?;
    let [alice, bob] = house.accounts();
    let mut client = house.submit_as(alice).await?;
    let recipients = ["carol@sink.test", bob.address.as_str()];
    client
        .mail(&alice.address, &recipients, &letter("small"))
        .await?;
    house.wait_until_settled().await?;
    house.peak_memory()?;
    let before = house.peak_memory()?;

    let mut large = letter("large");
    let line = [b'x'; 76];
    while large.len() < 30 * MIB {
        large.extend_from_slice(&line);
        large.extend_from_slice(b"\r\n");
    }
    client.mail(&alice.address, &recipients, &large).await?;
    let received = remote
        .sink
        .wait_for("the large message", |message| {
            message.octets.len() > 30 * MIB
        })
        .await?;
    ensure!(
        received.octets.ends_with(&large[large.len() / 2..]),
        "its end has changed"
    );
    let stored = house.wait_for_mail(&bob.address, "large").await?;
    ensure!(
        stored.ends_with(&large[large.len() / 2..]),
        "its end has changed"
    );
    let grown = house.peak_memory()?.saturating_sub(before);
    ensure!(
        grown < 16 * 1024,
        "memory grew by {grown} KiB for a message of 30 MiB"
    );

    let declared = client
        .command(&format!("MAIL FROM:<{}> SIZE={}", alice.address, 33 * MIB))
        .await?;
    ensure!(declared.to_string().starts_with("552 5.3.4"), "{declared}");
    Ok(())
}

#[tokio::test]
async fn beyond_the_backlog_clients_are_told_to_come_again() -> Result<()> {
    let remote = Remote::silent().await?;
    let plan = Plan::new()?.facing(&remote).with(|config| {
        config.queue.backlog = 5;
        config.relay.first_retry = Span::hours(1);
        config.relay.max_retry = Span::hours(1);
    });
    let house = plan.start().await?;
    let [alice, _] = house.accounts();
    let mut client = house.submit_as(alice).await?;
    for _ in 0..5 {
        client
            .mail(&alice.address, &["carol@sink.test"], &letter("waits"))
            .await?;
    }
    let reply = too_much(&house).await?;
    ensure!(reply.starts_with("452 4.3.1"), "{reply}");
    let waiting = house.json(&["queue", "list"]).await?;
    house
        .tell(&[
            "queue",
            "delete",
            waiting[0]["message"].as_str().unwrap_or_default(),
        ])
        .await?;
    until("there is room again", async || {
        Ok(too_much(&house).await?.starts_with("250").then_some(()))
    })
    .await
}

/// The reply to another message.
async fn too_much(house: &House) -> Result<String> {
    let [_, bob] = house.accounts();
    let mut client = Client::connect(house.mx()).await?;
    client.expect("MAIL FROM:<dave@sink.test>", 250).await?;
    let recipient = client
        .command(&format!("RCPT TO:<{}>", bob.address))
        .await?;
    if recipient.code != 250 {
        return Ok(recipient.to_string());
    }
    let data = client.command("DATA").await?;
    if data.code != 354 {
        return Ok(data.to_string());
    }
    Ok(client
        .command("Subject: one more\r\n\r\nhello\r\n.")
        .await?
        .to_string())
}
