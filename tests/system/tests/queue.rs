//! What an operator sees of a message that does not get away, and does about it.

use anyhow::{Context, Result, ensure};
use config::Span;
use message::Timestamp;
use serde_json::Value;
use system::{Answer, Client, House, Plan, Remote, Stage, until};

/// A house whose next attempt is an hour away.
async fn slow_house(remote: &Remote) -> Result<House> {
    let plan = Plan::new()?.facing(remote).with(|config| {
        config.relay.first_retry = Span::hours(1);
        config.relay.max_retry = Span::hours(1);
        config.relay.jitter = 0.0;
    });
    plan.start().await
}

/// A message of alice's to carol, after its first attempt.
async fn deferred(house: &House, subject: &str) -> Result<String> {
    let [alice, _] = house.accounts();
    let mut client = house.submit_as(alice).await?;
    let content = format!(
        "From: {}\r\nSubject: {subject}\r\n\r\nhello\r\n",
        alice.address
    );
    let id = client
        .mail(&alice.address, &["carol@sink.test"], content.as_bytes())
        .await?;
    let id = id.to_string();
    until("the message is deferred", async || {
        let item = house.json(&["queue", "show", &id]).await?.pop();
        let job = item.map(|item| item["jobs"][0].clone()).unwrap_or_default();
        Ok((job["state"] == "deferred" && job["attempts"] != 0).then_some(()))
    })
    .await?;
    Ok(id)
}

async fn inbox_subjects(house: &House, address: &str) -> Result<Vec<String>> {
    let inbox = house.inbox(address).await?;
    Ok(inbox
        .iter()
        .map(|message| message["subject"].to_string())
        .collect())
}

#[tokio::test]
async fn the_queue_and_the_trace_tell_what_holds_a_message_up() -> Result<()> {
    let remote = Remote::start().await?;
    remote.sink.behave(|stage, _| match stage {
        Stage::Recipient => Answer::reply("450 4.2.0 Come back when the moon is full"),
        _ => Answer::Accept,
    });
    let house = slow_house(&remote).await?;
    let id = deferred(&house, "patience").await?;

    let list = house.tell(&["queue", "list"]).await?;
    for fact in [
        id.as_str(),
        "<alice@rohrpost.test>",
        "carol@sink.test",
        "deferred",
    ] {
        ensure!(list.contains(fact), "no {fact:?} in\n{list}");
    }
    let items = house
        .json(&["queue", "list", "--destination", "sink.test"])
        .await?;
    assert_eq!(items.len(), 1);
    assert_eq!(
        house
            .json(&["queue", "list", "--destination", "other.test"])
            .await?,
        [] as [Value; 0]
    );

    let shown = house.tell(&["queue", "show", &id]).await?;
    for fact in [
        "sink.test",
        "Come back when the moon is full",
        "attempts     1",
    ] {
        ensure!(shown.contains(fact), "no {fact:?} in\n{shown}");
    }
    let told = house.tell(&["trace", &id]).await?;
    for fact in [
        id.as_str(),
        "client.test [127.0.0.1] by ESMTPSA",
        "submitted by alice@rohrpost.test",
        "for carol@sink.test",
        "to the mail servers of its domain",
        "mx.sink.test",
        "450 4.2.0 Come back when the moon is full",
        "deferred for carol@sink.test",
        "next attempt",
        "given up",
    ] {
        ensure!(told.contains(fact), "no {fact:?} in\n{told}");
    }
    let history = house
        .json(&["trace", &id])
        .await?
        .pop()
        .context("a history")?;
    let job = &history["jobs"][0];
    let pause = time(&job["due"])?.duration_since(time(&job["log"][0]["at"])?);
    assert_eq!((pause.as_millis() + 500) / 1000, 3600, "{history}");
    Ok(())
}

fn time(value: &Value) -> Result<Timestamp> {
    Ok(value.as_str().context("a time")?.parse()?)
}

#[tokio::test]
async fn retry_sends_at_once() -> Result<()> {
    let mut remote = Remote::silent().await?;
    let house = slow_house(&remote).await?;
    let id = deferred(&house, "now").await?;
    remote.sink.resume().await?;
    house.tell(&["queue", "retry", &id]).await?;
    remote.sink.wait_for("the message", |_| true).await?;
    house.wait_until_settled().await?;
    let told = house.tell(&["trace", &id]).await?;
    ensure!(
        told.contains("Connection refused") && told.contains("relayed for carol@sink.test"),
        "{told}"
    );
    Ok(())
}

#[tokio::test]
async fn a_held_message_stays_until_it_is_released() -> Result<()> {
    let mut remote = Remote::silent().await?;
    let house = slow_house(&remote).await?;
    let (held, other) = (
        deferred(&house, "held").await?,
        deferred(&house, "other").await?,
    );
    house.tell(&["queue", "hold", &held]).await?;
    remote.sink.resume().await?;
    house.tell(&["queue", "retry", &other]).await?;
    remote
        .sink
        .wait_for("the other message", |message| {
            message.field("Subject").as_deref() == Some("other")
        })
        .await?;
    let item = house
        .json(&["queue", "show", &held])
        .await?
        .pop()
        .context("an item")?;
    assert_eq!(item["jobs"][0]["state"], "held");
    house.tell(&["queue", "release", &held]).await?;
    remote
        .sink
        .wait_for("the held message", |message| {
            message.field("Subject").as_deref() == Some("held")
        })
        .await?;
    house.wait_until_settled().await
}

#[tokio::test]
async fn bounce_tells_the_sender_why() -> Result<()> {
    let remote = Remote::silent().await?;
    let house = slow_house(&remote).await?;
    let id = deferred(&house, "unwanted").await?;
    house
        .tell(&["queue", "bounce", &id, "--reason", "the festival is over"])
        .await?;
    house.wait_until_settled().await?;
    let [alice, _] = house.accounts();
    let inbox = house.inbox(&alice.address).await?;
    assert_eq!(inbox.len(), 1);
    let uid = inbox[0]["uid"].to_string();
    let notice = house
        .tell(&["message", "show", &alice.address, &uid, "--raw"])
        .await?;
    for fact in ["Action: failed", "carol@sink.test", "the festival is over"] {
        ensure!(notice.contains(fact), "no {fact:?} in\n{notice}");
    }
    Ok(())
}

#[tokio::test]
async fn delete_tells_nobody() -> Result<()> {
    let remote = Remote::silent().await?;
    let house = slow_house(&remote).await?;
    let id = deferred(&house, "unwanted").await?;
    house
        .tell(&["queue", "delete", &id, "--reason", "spam run"])
        .await?;
    house.wait_until_settled().await?;
    let [alice, _] = house.accounts();
    // A message behind it shows that no notice is on its way.
    let mut client = Client::connect(house.mx()).await?;
    client
        .mail(
            "dave@sink.test",
            &[&alice.address],
            b"Subject: later\r\n\r\n\r\n",
        )
        .await?;
    house.wait_for_mail(&alice.address, "later").await?;
    assert_eq!(inbox_subjects(&house, &alice.address).await?, ["\"later\""]);
    let told = house.tell(&["trace", &id]).await?;
    ensure!(
        told.contains("deleted for carol@sink.test") && told.contains("spam run"),
        "{told}"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_said_so() -> Result<()> {
    let house = House::start().await?;
    let nothing = "019aa1c3f2b07d3e8f00112233445566";
    for arguments in [
        &["trace", nothing][..],
        &["queue", "show", nothing],
        &["queue", "retry", nothing],
    ] {
        let output = house.run(arguments, "").await?;
        assert_eq!(output.status, Some(1), "{arguments:?}: {}", output.stderr);
        ensure!(
            output.stderr.contains(nothing),
            "{arguments:?}: {}",
            output.stderr
        );
    }
    let checked = house.tell(&["check"]).await?;
    ensure!(
        checked.contains("accepted 0 = settled 0 + in flight 0"),
        "{checked}"
    );
    Ok(())
}
