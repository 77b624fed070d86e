//! What a user sees at first: `serve`, the printed line, the message.

use anyhow::{Context, Result, ensure};
use system::{House, Remote, until};
use tokio::process::Command;

/// Runs a line as a user who pasted it into a shell.
async fn paste(line: &str) -> Result<String> {
    let output = Command::new("sh")
        .args(["-c", line])
        .kill_on_drop(true)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{line}\n{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(said)
}

/// The line of that program in the instructions of the first start.
fn printed<'t>(said: &'t str, program: &str) -> Result<&'t str> {
    let mut lines = said.lines().map(str::trim);
    lines
        .find(|line| line.starts_with(program))
        .with_context(|| format!("no {program} in {said}"))
}

/// What swaks sent as content, out of its transcript.
fn sent(transcript: &str) -> Vec<u8> {
    let lines = transcript
        .lines()
        .filter_map(|line| line.strip_prefix(" ~> "));
    let data = lines.skip_while(|line| *line != "DATA").skip(1);
    let content = data.take_while(|line| *line != ".");
    content
        .flat_map(|line| [line.as_bytes(), b"\r\n"].concat())
        .collect()
}

#[tokio::test]
async fn the_printed_line_puts_a_message_into_the_mailbox() -> Result<()> {
    let house = House::start().await?;
    let said = house.said()?;
    let transcript = paste(&format!(
        "{} --body 'hello, tube post'",
        printed(&said, "swaks")?
    ))
    .await?;
    ensure!(
        transcript.contains(" 250 2.") || transcript.contains(" 250 "),
        "{transcript}"
    );

    let [alice, bob] = house.accounts();
    let stored = house.wait_for_mail(&bob.address, "test").await?;
    let content = sent(&transcript);
    ensure!(content.ends_with(b"hello, tube post\r\n\r\n\r\n") || content.len() > 100);
    ensure!(
        stored.ends_with(&content),
        "sent {}\nstored {}",
        String::from_utf8_lossy(&content),
        String::from_utf8_lossy(&stored)
    );
    let prefix = String::from_utf8(stored[..stored.len() - content.len()].to_vec())?;
    let fields: Vec<_> = prefix
        .lines()
        .filter(|line| !line.starts_with([' ', '\t']))
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        fields,
        ["Return-Path", "Delivered-To", "Received"],
        "{prefix}"
    );
    ensure!(
        prefix.contains(&format!("Return-Path: <{}>", alice.address)),
        "{prefix}"
    );
    ensure!(prefix.contains("with ESMTPSA"), "{prefix}");
    Ok(())
}

#[tokio::test]
async fn a_second_start_prints_no_password() -> Result<()> {
    let mut house = House::start().await?;
    let first = house.said()?;
    house.kill().await?;
    house.resume().await?;
    until("the second start is printed", async || {
        let again = house.said()?[first.len()..].to_owned();
        Ok(again.contains("is ready").then_some(()))
    })
    .await?;
    let again = house.said()?[first.len()..].to_owned();
    ensure!(!again.contains(&house.accounts()[0].password) && !again.contains("swaks"));
    let accounts = house.json(&["account", "list"]).await?;
    assert_eq!(accounts.len(), 2);
    Ok(())
}

#[tokio::test]
async fn the_printed_commands_work_as_printed() -> Result<()> {
    let house = House::start().await?;
    let said = house.said()?;
    paste(printed(&said, "swaks")?).await?;
    let [_, bob] = house.accounts();
    house.wait_for_mail(&bob.address, "test").await?;
    let commands = said
        .lines()
        .map(str::trim)
        .filter(|line| line.contains("message "));
    let commands: Vec<_> = commands
        .filter(|line| line.contains(&bob.address))
        .collect();
    assert_eq!(commands.len(), 2, "{said}");
    for command in commands {
        let told = paste(command).await?;
        ensure!(told.contains("test "), "{command}: {told}");
    }
    Ok(())
}

#[tokio::test]
async fn swaks_reaches_a_remote_domain() -> Result<()> {
    let remote = Remote::start().await?;
    let house = system::Plan::new()?.facing(&remote).start().await?;
    let said = house.said()?;
    let line = printed(&said, "swaks")?;
    let line = line.replace("--to bob@rohrpost.test", "--to carol@sink.test");
    let transcript = paste(&line).await?;
    let received = remote.sink.wait_for("the message", |_| true).await?;
    assert_eq!(received.from, "alice@rohrpost.test");
    assert_eq!(received.to, ["carol@sink.test"]);
    ensure!(received.octets.ends_with(&sent(&transcript)));
    ensure!(received.octets.starts_with(b"Received: "));
    house.wait_until_settled().await
}
