//! Starting, stopping, and what stops a start.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use config::Span;
use system::{Client, House, Plan, Remote, Signal, until};
use tokio::time::{Instant, timeout};

const LETTER: &[u8] = b"From: dave@sink.test\r\nSubject: a letter\r\n\r\nhello\r\n";

#[tokio::test]
async fn ctrl_c_drains_and_the_next_start_goes_on() -> Result<()> {
    let mut remote = Remote::silent().await?;
    let plan = Plan::new()?.facing(&remote).with(|config| {
        config.relay.first_retry = Span::seconds(2);
        config.relay.max_retry = Span::seconds(2);
    });
    let mut house = plan.start().await?;
    let [alice, _] = house.accounts().map(|account| account.address.clone());
    let aliased = [
        "alias",
        "add",
        "away@rohrpost.test",
        "carol@sink.test",
        &alice,
    ];
    house.tell(&aliased).await?;
    // One that stays open in the middle of a message.
    let mut talker = Client::connect(house.mx()).await?;
    let mut client = Client::connect(house.mx()).await?;
    let id = client
        .mail("dave@sink.test", &["away@rohrpost.test"], LETTER)
        .await?
        .to_string();
    until("the first attempt failed", async || {
        let item = house.json(&["queue", "show", &id]).await?.pop();
        Ok(item.filter(|item| item["jobs"][0]["state"] == "deferred"))
    })
    .await?;

    let begin = Instant::now();
    house.signal(Signal::Interrupt)?;
    let status = house.end().await?;
    ensure!(status.success(), "ended by {status}");
    ensure!(
        begin.elapsed() < Duration::from_secs(8),
        "{:?}",
        begin.elapsed()
    );
    let farewell = talker.rest().await?;
    ensure!(farewell.starts_with("421 "), "{farewell:?}");

    remote.sink.resume().await?;
    house.resume().await?;
    remote.sink.wait_for("the message", |_| true).await?;
    house.wait_until_settled().await?;
    assert_eq!(house.inbox(&alice).await?.len(), 1);
    let told = house.tell(&["trace", &id]).await?;
    ensure!(told.contains("relayed for carol@sink.test"), "{told}");
    Ok(())
}

#[tokio::test]
async fn sigterm_lets_a_message_on_its_way_in_finish_or_fail() -> Result<()> {
    let mut house = House::start().await?;
    let [alice, _] = house.accounts().map(|account| account.address.clone());
    let mut client = Client::connect(house.mx()).await?;
    client.expect("MAIL FROM:<dave@sink.test>", 250).await?;
    client.expect(&format!("RCPT TO:<{alice}>"), 250).await?;
    client.expect("DATA", 354).await?;
    client.send(b"Subject: cut\r\n\r\nhalf a ").await?;
    house.signal(Signal::Terminate)?;
    // It may have been cut off already.
    let _ = client.send(b"message\r\n.\r\n").await;
    let reply = client.reply().await;
    house.end().await?;
    house.resume().await?;
    house.wait_until_settled().await?;
    let accepted = reply.is_ok_and(|reply| reply.code == 250);
    let inbox = house.inbox(&alice).await?;
    assert_eq!(inbox.len(), usize::from(accepted));
    Ok(())
}

#[tokio::test]
async fn a_data_directory_has_one_process() -> Result<()> {
    let house = House::start().await?;
    let data = house.data().display().to_string();
    let second = house.run(&["serve", "--data", &data], "").await?;
    assert_eq!(second.status, Some(1), "{}", second.stderr);
    ensure!(
        second.stderr.contains("in use by another rohrpost"),
        "{}",
        second.stderr
    );
    Ok(())
}

/// A configuration, and what is said of it: line, key, reason.
const WRONG: [(&str, &str, &str); 5] = [
    ("[smtp]\nmax_siz = \"1 MiB\"\n", ":2:1", "max_siz"),
    (
        "[relay]\n\nfirst_retry = \"5 minutes\"\n",
        ":3:15",
        "relay.first_retry",
    ),
    ("[smtp]\nmx = [\"localhost\"]\n", ":2:", "smtp.mx"),
    (
        "[relay]\nfirst_retry = \"1h\"\nmax_retry = \"1m\"\n",
        ":3:",
        "relay.max_retry",
    ),
    ("[smtp\n", ":1:", ""),
];

#[tokio::test]
async fn a_wrong_configuration_is_refused_with_file_line_and_key() -> Result<()> {
    let house = House::start().await?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("wrong.toml");
    let path = file.to_str().context("a path")?;
    for (text, line, key) in WRONG {
        std::fs::write(&file, text)?;
        for arguments in [&["serve"][..], &["config", "check"], &["queue", "list"]] {
            let arguments = [arguments, &["--config", path]].concat();
            let refused = timeout(Duration::from_secs(10), house.run_alone(&arguments)).await??;
            assert_eq!(refused.status, Some(78), "{text}: {}", refused.stderr);
            let place = format!("{path}{line}");
            ensure!(
                refused.stderr.contains(&place),
                "{text}: {}",
                refused.stderr
            );
            ensure!(refused.stderr.contains(key), "{text}: {}", refused.stderr);
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_commands_of_the_directory_do_what_they_say() -> Result<()> {
    let house = House::start().await?;
    house
        .tell(&[
            "domain",
            "add",
            "example.org",
            "--postmaster",
            "alice@rohrpost.test",
        ])
        .await?;
    house.add_account("erin@example.org", &[]).await?;
    house
        .tell(&["alias", "add", "info@example.org", "erin@example.org"])
        .await?;
    let listed = [
        (&["domain", "list"][..], "example.org"),
        (&["account", "list"], "erin@example.org"),
        (&["alias", "list"], "info@example.org"),
        (&["mailbox", "list", "erin@example.org"], "INBOX"),
    ];
    for (arguments, expected) in listed {
        let list = house.tell(arguments).await?;
        ensure!(list.contains(expected), "{arguments:?}: {list}");
    }
    let in_use = house.run(&["domain", "remove", "example.org"], "").await?;
    assert_eq!(in_use.status, Some(1), "{}", in_use.stderr);

    let password = [
        "account",
        "password",
        "erin@example.org",
        "--password-file",
        "-",
    ];
    let changed = house.run(&password, "another word\n").await?;
    assert_eq!(changed.status, Some(0), "{}", changed.stderr);
    let login = Client::submission(house.submission(), "erin@example.org", "another word").await;
    login.context("the new password")?;
    let old = Client::submission(house.submission(), "erin@example.org", "erin@example.org").await;
    ensure!(old.is_err(), "the old password is still taken");

    for arguments in [
        ["alias", "remove", "info@example.org"],
        ["account", "remove", "erin@example.org"],
        ["domain", "remove", "example.org"],
    ] {
        house.tell(&arguments).await?;
    }
    let list = house.tell(&["domain", "list"]).await?;
    ensure!(!list.contains("example.org"), "{list}");
    house.tell(&["check"]).await.map(drop)
}

#[tokio::test]
async fn metrics_and_health_are_there() -> Result<()> {
    let house = House::start().await?;
    let [alice, _] = house.accounts();
    let mut client = Client::connect(house.mx()).await?;
    client
        .mail("dave@sink.test", &[&alice.address], LETTER)
        .await?;
    house.wait_until_settled().await?;
    let metrics = house.metrics().await?;
    ensure!(
        metrics.contains("# EOF") && metrics.contains("rohrpost_"),
        "{metrics}"
    );
    Ok(())
}
