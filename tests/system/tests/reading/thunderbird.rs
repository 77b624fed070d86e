//! Thunderbird, without a screen: thunderbird.py says what it does.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use system::DEADLINE;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::home::{Home, certificate, port, python};
use crate::inbox::{ensure_handled, five_letters, letter};

#[tokio::test]
async fn thunderbird_reads_flags_moves_and_removes_and_hears_of_new_mail() -> Result<()> {
    let (house, mut reader) = five_letters().await?;
    let [_, bob] = house.accounts();
    let home = Home::new()?;
    let mut python = python("thunderbird.py");
    python
        .arg(port(house.imaps()))
        .arg(certificate(&house))
        .args([&bob.address, &bob.password])
        .arg(home.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut process = python.spawn()?;
    let said = process.stdout.take().context("stdout")?;
    let mut said = BufReader::new(said).lines();
    let asked = timeout(DEADLINE, said.next_line()).await??;
    ensure!(asked.as_deref() == Some("six?"), "{asked:?}");
    reader.append("INBOX", &[letter(6, "six")]).await?;
    let status = timeout(DEADLINE, process.wait()).await??;
    ensure!(status.success(), "{status}");
    ensure_handled(&mut reader).await
}
