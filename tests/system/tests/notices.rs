//! Who is told of what (RFC 3461): success where asked, nothing where
//! forbidden, never a notice about a notice.

use anyhow::{Context, Result, ensure};
use system::{Answer, Client, House, Plan, Remote, Stage, until};

const LETTER: &str =
    "From: alice@rohrpost.test\r\nSubject: a letter\r\nX-Part: header\r\n\r\nthe body of it\r\n.";

async fn house(remote: &Remote) -> Result<House> {
    Plan::new()?.facing(remote).start().await
}

/// A transaction with parameters, and its message id.
async fn send(client: &mut Client, mail: &str, recipients: &[&str]) -> Result<String> {
    client.expect(&format!("MAIL FROM:{mail}"), 250).await?;
    for recipient in recipients {
        client.expect(&format!("RCPT TO:{recipient}"), 250).await?;
    }
    client.expect("DATA", 354).await?;
    Ok(client.expect(LETTER, 250).await?.message()?.to_string())
}

async fn only_mail(house: &House, address: &str) -> Result<String> {
    let inbox = house.inbox(address).await?;
    assert_eq!(inbox.len(), 1, "{inbox:?}");
    let uid = inbox[0]["uid"].to_string();
    house
        .tell(&["message", "show", address, &uid, "--raw"])
        .await
}

fn tells(notice: &str, facts: &[&str]) -> Result<()> {
    for fact in facts {
        ensure!(notice.contains(fact), "no {fact:?} in\n{notice}");
    }
    Ok(())
}

#[tokio::test]
async fn success_is_told_where_it_is_asked_for() -> Result<()> {
    let remote = Remote::start().await?;
    let house = house(&remote).await?;
    let [alice, bob] = house.accounts();
    let mut client = house.submit_as(alice).await?;
    let recipient = format!(
        "<{}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Robert+2Bx@rohrpost.test",
        bob.address
    );
    let mail = format!("<{}> RET=HDRS ENVID=order+2D66", alice.address);
    send(&mut client, &mail, &[&recipient]).await?;
    house.wait_until_settled().await?;
    let notice = only_mail(&house, &alice.address).await?;
    tells(
        &notice,
        &[
            "Action: delivered",
            "Original-Envelope-Id: order-66",
            "Original-Recipient: rfc822;",
            "Final-Recipient: rfc822; bob@rohrpost.test",
            "Status: 2.",
            "X-Part: header",
        ],
    )?;
    ensure!(!notice.contains("the body of it"), "{notice}");
    Ok(())
}

#[tokio::test]
async fn wishes_are_handed_on_to_a_server_that_knows_them() -> Result<()> {
    let remote = Remote::start().await?;
    let house = house(&remote).await?;
    let [alice, _] = house.accounts();
    let mut client = house.submit_as(alice).await?;
    let mail = format!("<{}> RET=FULL ENVID=order66", alice.address);
    let recipient = "<carol@sink.test> NOTIFY=SUCCESS ORCPT=rfc822;carol@sink.test";
    send(&mut client, &mail, &[recipient]).await?;
    let received = remote.sink.wait_for("the message", |_| true).await?;
    let parameters = received.parameters.join(" ").to_ascii_uppercase();
    for part in [
        "RET=FULL",
        "ENVID=ORDER66",
        "NOTIFY=SUCCESS",
        "ORCPT=RFC822;CAROL@SINK.TEST",
    ] {
        ensure!(parameters.contains(part), "no {part} in {parameters}");
    }
    house.wait_until_settled().await?;
    // That server reports, so we do not.
    assert_eq!(house.inbox(&alice.address).await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn nobody_is_told_where_it_is_forbidden_or_there_is_nobody() -> Result<()> {
    let remote = Remote::start().await?;
    let house = house(&remote).await?;
    let [alice, _] = house.accounts();
    let mut client = house.submit_as(alice).await?;
    let forbidden = format!("<{}>", alice.address);
    let silent = send(&mut client, &forbidden, &["<x@nomail.test> NOTIFY=NEVER"]).await?;
    let null = send(&mut client, "<>", &["<x@nomail.test>"]).await?;
    house.wait_until_settled().await?;
    assert_eq!(house.inbox(&alice.address).await?.len(), 0);
    for id in [silent, null] {
        let told = house.tell(&["trace", &id]).await?;
        tells(&told, &["failed for x@nomail.test", "settled"])?;
    }
    let check = house.json(&["check"]).await?.pop().context("a summary")?;
    assert_eq!(check["counts"]["untold"], 2, "{check}");
    Ok(())
}

#[tokio::test]
async fn each_recipient_fares_on_its_own() -> Result<()> {
    let remote = Remote::start().await?;
    remote.sink.behave(|stage, line| match stage {
        Stage::Recipient if line.contains("gone@") => {
            Answer::reply("550 5.1.1 gone <away>\u{1b}[31m")
        }
        Stage::Recipient if line.contains("later@") => Answer::reply("451 4.7.1 greylisted"),
        _ => Answer::Accept,
    });
    let house = house(&remote).await?;
    let [alice, bob] = house.accounts();
    let mut client = house.submit_as(alice).await?;
    let to = [
        "carol@sink.test",
        "gone@sink.test",
        "later@sink.test",
        "nobody@no-such.test",
        &bob.address,
    ];
    let content = LETTER.trim_end_matches('.').as_bytes();
    let id = client.mail(&alice.address, &to, content).await?.to_string();
    until("one recipient is left", async || {
        let item = house
            .json(&["queue", "show", &id])
            .await?
            .pop()
            .context("an item")?;
        let told = house.inbox(&alice.address).await?.len();
        let jobs = item["jobs"].as_array().map_or(0, Vec::len);
        Ok((jobs == 1 && told == 2).then_some(()))
    })
    .await?;
    remote.sink.behave(|_, _| Answer::Accept);
    house.wait_until_settled().await?;
    let mut arrived: Vec<_> = remote
        .sink
        .received()
        .into_iter()
        .flat_map(|message| message.to)
        .collect();
    arrived.sort();
    assert_eq!(arrived, ["carol@sink.test", "later@sink.test"]);
    assert_eq!(house.inbox(&bob.address).await?.len(), 1);
    let mut notices = String::new();
    for entry in house.inbox(&alice.address).await? {
        let uid = entry["uid"].to_string();
        notices += &house
            .tell(&["message", "show", &alice.address, &uid, "--raw"])
            .await?;
    }
    tells(
        &notices,
        &[
            "gone@sink.test",
            "550 5.1.1 gone",
            "nobody@no-such.test",
            "mx.sink.test",
        ],
    )?;
    ensure!(
        !notices.contains('\u{1b}') && !notices.contains("later@sink.test: "),
        "{notices}"
    );
    Ok(())
}
