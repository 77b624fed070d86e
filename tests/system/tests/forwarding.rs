//! Mail that an alias passes on to another server, and notices on their way back.

use anyhow::{Context, Result, ensure};
use system::{Client, House, Plan, Remote, until};

const LETTER: &[u8] = b"From: dave@sink.test\r\nTo: list\r\nSubject: a letter\r\n\r\nhello\r\n";

async fn rewriting(remote: &Remote) -> Result<House> {
    let secrets = tempfile::NamedTempFile::new()?;
    std::fs::write(secrets.path(), "a secret of the system tests\n")?;
    let path = secrets.path().to_owned();
    let domain = "rohrpost.test".parse()?;
    let plan = Plan::new()?.facing(remote).with(|config| {
        config.router.srs.secrets_file = Some(path);
        config.router.srs.domain = Some(domain);
    });
    let house = plan.start().await?;
    let alias = ["alias", "add", "list@rohrpost.test", "carol@sink.test"];
    house.tell(&alias).await?;
    Ok(house)
}

#[tokio::test]
async fn a_notice_about_forwarded_mail_finds_its_sender() -> Result<()> {
    let remote = Remote::start().await?;
    let house = rewriting(&remote).await?;
    let mut client = Client::connect(house.mx()).await?;
    let to = ["list@rohrpost.test"];
    client.mail("dave@other.test", &to, LETTER).await?;
    house.wait_until_settled().await?;
    let passed_on = remote.sink.received().pop().context("a message")?;
    ensure!(passed_on.from.starts_with("SRS0="), "{}", passed_on.from);
    ensure!(
        passed_on.from.ends_with("=other.test=dave@rohrpost.test"),
        "{}",
        passed_on.from
    );
    let expected = b"Delivered-To: list@rohrpost.test\r\nReceived: ";
    ensure!(passed_on.octets.starts_with(expected));

    let forged = passed_on.from.replace("dave", "eve");
    client.command("MAIL FROM:<>").await?;
    client.expect(&format!("RCPT TO:<{forged}>"), 550).await?;
    client.command("RSET").await?;
    client.mail("", &[&passed_on.from], LETTER).await?;
    house.wait_until_settled().await?;
    let notice = until("the notice", async || {
        let mut received = remote.sink.received().into_iter();
        Ok(received.find(|mail| mail.to == ["dave@other.test"]))
    })
    .await?;
    ensure!(notice.from.is_empty(), "{}", notice.from);
    Ok(())
}

#[tokio::test]
async fn a_message_that_comes_back_is_not_passed_on_again() -> Result<()> {
    let remote = Remote::start().await?;
    let house = rewriting(&remote).await?;
    let mut client = Client::connect(house.mx()).await?;
    let to = ["list@rohrpost.test"];
    client.mail("dave@other.test", &to, LETTER).await?;
    house.wait_until_settled().await?;
    let passed_on = remote.sink.received().pop().context("a message")?;
    // Carol's server passes it on to the list again, and is told why not.
    client
        .mail("carol@sink.test", &to, &passed_on.octets)
        .await?;
    let notice = until("the notice", async || {
        let mut received = remote.sink.received().into_iter();
        Ok(received.find(|mail| mail.from.is_empty()))
    })
    .await?;
    ensure!(notice.to == ["carol@sink.test"], "{:?}", notice.to);
    let text = String::from_utf8(notice.octets)?;
    ensure!(text.contains("Status: 5.4.6"), "{text}");
    house.wait_until_settled().await?;
    ensure!(remote.sink.received().len() == 2);
    Ok(())
}
