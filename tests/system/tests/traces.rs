//! Promise 9: each message is one trace without orphans, and its id is the
//! message id.

use std::path::Path;

use anyhow::{Context, Result};
use message::MessageId;
use system::{Client, Collector, House, Plan, Remote, until};

/// Waits until the exported trace has as many spans as the expected tree, then
/// compares. `UPDATE_TREES=1` writes the trees anew, to be read before a commit.
async fn check(collector: &Collector, trace: MessageId, name: &str) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/trees")
        .join(name);
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    let mut last = String::new();
    let mut same = 0;
    let arrived = until(name, async || {
        let tree = collector.tree(trace);
        same = if tree == last { same + 1 } else { 0 };
        last = tree;
        let settled = same > 100 && std::env::var_os("UPDATE_TREES").is_some();
        Ok((last == expected || settled).then_some(()))
    });
    if arrived.await.is_err() {
        assert_eq!(last, expected, "{name}");
    }
    if last != expected {
        std::fs::write(&file, last).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

async fn house(remote: &Remote, collector: &Collector) -> Result<House> {
    Plan::new()?
        .facing(remote)
        .traced_by(collector)
        .start()
        .await
}

const LETTER: &[u8] = b"From: dave@sink.test\r\nSubject: a letter\r\n\r\nhello\r\n";

#[tokio::test]
async fn a_local_message() -> Result<()> {
    let (remote, collector) = (Remote::start().await?, Collector::start().await?);
    let house = house(&remote, &collector).await?;
    let [alice, _] = house.accounts();
    let mut client = Client::connect(house.mx()).await?;
    let id = client
        .mail("dave@sink.test", &[&alice.address], LETTER)
        .await?;
    house.wait_until_settled().await?;
    check(&collector, id, "local.txt").await?;
    let spans = collector.trace(id);
    let root = spans.first().context("a root")?;
    assert_eq!(
        root.attributes.get("rohrpost.message.id"),
        Some(&id.to_string())
    );
    for span in &spans {
        let told = span
            .attributes
            .values()
            .any(|value| value.contains("alice@"));
        assert!(!told, "an address in {span:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_relayed_message() -> Result<()> {
    let (remote, collector) = (Remote::start().await?, Collector::start().await?);
    let house = house(&remote, &collector).await?;
    let [alice, _] = house.accounts();
    let mut client = house.submit_as(alice).await?;
    let letter = format!(
        "From: {}\r\nSubject: a letter\r\n\r\nhello\r\n",
        alice.address
    );
    let id = client
        .mail(&alice.address, &["carol@sink.test"], letter.as_bytes())
        .await?;
    house.wait_until_settled().await?;
    check(&collector, id, "relayed.txt").await?;
    let spans = collector.trace(id);
    let sending = spans
        .iter()
        .find(|span| span.name == "smtp send")
        .context("smtp send")?;
    for (name, value) in [
        ("server.address", "mx.sink.test"),
        ("network.peer.address", "127.0.0.1"),
        ("rohrpost.smtp.reply.code", "250"),
        ("rohrpost.smtp.reply.status", "2.0.0"),
    ] {
        assert_eq!(
            sending.attributes.get(name).map(String::as_str),
            Some(value),
            "{name}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_message_retried_once() -> Result<()> {
    let (mut remote, collector) = (Remote::silent().await?, Collector::start().await?);
    let house = house(&remote, &collector).await?;
    let [alice, _] = house.accounts();
    let letter = format!(
        "From: {}\r\nSubject: a letter\r\n\r\nhello\r\n",
        alice.address
    );
    let mut client = house.submit_as(alice).await?;
    let id = client
        .mail(&alice.address, &["carol@sink.test"], letter.as_bytes())
        .await?;
    until("an attempt has failed", async || {
        let spans = collector.trace(id);
        Ok(spans.into_iter().find(|span| span.name == "smtp send"))
    })
    .await?;
    remote.sink.resume().await?;
    house.wait_until_settled().await?;
    let spans = until("the sending is exported", async || {
        let spans = collector.trace(id);
        let sent = |span: &system::SpanRecord| {
            let code = span.attributes.get("rohrpost.smtp.reply.code");
            span.name == "smtp send" && code.is_some_and(|code| code == "250")
        };
        Ok(spans.iter().any(sent).then_some(spans))
    })
    .await?;
    assert!(spans.iter().filter(|span| span.name == "smtp send").count() >= 2);
    until("the trace is one tree", async || {
        let tree = collector.tree(id);
        let roots = tree.lines().filter(|line| !line.starts_with(' ')).count();
        Ok((roots == 1).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_bounced_message_and_its_notice() -> Result<()> {
    let (remote, collector) = (Remote::start().await?, Collector::start().await?);
    let house = house(&remote, &collector).await?;
    let [alice, _] = house.accounts();
    let letter = format!(
        "From: {}\r\nSubject: a letter\r\n\r\nhello\r\n",
        alice.address
    );
    let mut client = house.submit_as(alice).await?;
    let id = client
        .mail(&alice.address, &["carol@nomail.test"], letter.as_bytes())
        .await?;
    house.wait_until_settled().await?;
    check(&collector, id, "bounced.txt").await?;
    let history = house
        .json(&["trace", &id.to_string()])
        .await?
        .pop()
        .context("a history")?;
    let notice: MessageId = history["notices"][0]["id"]
        .as_str()
        .context("a notice")?
        .parse()?;
    check(&collector, notice, "notice.txt").await?;
    let spans = collector.trace(notice);
    let root = spans
        .iter()
        .find(|span| span.parent == 0)
        .context("a root")?;
    assert_eq!(root.links, [id]);
    Ok(())
}

#[tokio::test]
async fn an_alias_of_local_and_remote() -> Result<()> {
    let (remote, collector) = (Remote::start().await?, Collector::start().await?);
    let house = house(&remote, &collector).await?;
    let targets = [
        "alice@rohrpost.test",
        "bob@rohrpost.test",
        "carol@sink.test",
    ];
    house
        .tell(&[&["alias", "add", "team@rohrpost.test"], &targets[..]].concat())
        .await?;
    let mut client = Client::connect(house.mx()).await?;
    let id = client
        .mail("dave@sink.test", &["team@rohrpost.test"], LETTER)
        .await?;
    house.wait_until_settled().await?;
    check(&collector, id, "alias.txt").await
}
