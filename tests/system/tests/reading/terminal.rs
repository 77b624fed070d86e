//! Clients at a terminal: mutt and alpine read, flag, move and remove messages.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use system::DEADLINE;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::home::{Home, certificate, python};
use crate::inbox::{ensure_handled, five_letters};

/// Runs a client at a terminal, and plays `dialogue` with it: terminal.py says how.
async fn play(home: &Home, client: &[&str], dialogue: &str) -> Result<()> {
    let script = python("terminal.py");
    let mut command = home.client("python3");
    command.args(script.as_std().get_args()).args(client);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn()?;
    let mut input = child.stdin.take().context("stdin")?;
    input.write_all(dialogue.as_bytes()).await?;
    drop(input);
    let output = timeout(DEADLINE, child.wait_with_output()).await??;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{client:?}: {said}");
    Ok(())
}

#[tokio::test]
async fn mutt_reads_flags_moves_and_removes() -> Result<()> {
    let (house, mut reader) = five_letters().await?;
    let [_, bob] = house.accounts();
    let home = Home::new()?;
    let text = format!(
        "set folder=\"imaps://127.0.0.1:{}/\"\nset spoolfile=+INBOX\nset imap_user={}\n\
         set imap_pass=\"{}\"\nset certificate_file={}\nset ssl_verify_host=no\n\
         set sort=date\nset delete=yes\nset confirmappend=no\nset move=no\nset resolve=no\n\
         set record=\"\"\nset prompt_after=no\n",
        house.imaps().port(),
        bob.address,
        bob.password,
        certificate(&house).display(),
    );
    home.write(".muttrc", text)?;
    let keys = "push '<jump>1<enter><display-message><exit>\
                <jump>2<enter><flag-message>\
                <jump>3<enter><save-message><kill-line>=Archive<enter>\
                <jump>4<enter><delete-message><sync-mailbox><quit>'";
    play(&home, &["mutt", "-n", "-e", keys], "").await?;
    ensure_handled(&mut reader).await
}

#[tokio::test]
async fn alpine_reads_flags_moves_and_removes() -> Result<()> {
    let (house, mut reader) = five_letters().await?;
    let [_, bob] = house.accounts();
    let home = Home::new()?;
    let server = format!(
        "{{127.0.0.1:{}/ssl/novalidate-cert/user=\"{}\"}}",
        house.imaps().port(),
        bob.address
    );
    let text = format!(
        "inbox-path={server}INBOX\nfolder-collections=Mail {server}[]\n\
         feature-list=quit-without-confirm,expunge-without-confirm,enable-flag-cmd\n\
         last-version-used=9.99\nuser-domain=rohrpost.test\n"
    );
    let settings = home.write("settings", text)?;
    let settings = settings.to_str().context("a path")?;
    let dialogue = include_str!("alpine.txt").replace("SECRET", &bob.password);
    play(&home, &["alpine", "-i", "-p", settings], &dialogue).await?;
    ensure_handled(&mut reader).await
}
