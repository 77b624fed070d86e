//! The operator's commands.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::House;
use crate::wait::{DEADLINE, until};

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// The exit status; none where a signal ended it.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

impl House {
    /// Runs `rohrpost ARGUMENTS…` to its end.
    ///
    /// # Errors
    /// When it cannot be run, or takes too long.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Result<Output> {
        let mut command = self.plan.command("rohrpost")?;
        command
            .arg("--config")
            .arg(self.plan.file())
            .args(arguments);
        finish(command, input).await
    }

    /// As [`House::run`], but without the house's configuration.
    ///
    /// # Errors
    /// As for [`House::run`].
    pub async fn run_alone(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = self.plan.command("rohrpost")?;
        command.args(arguments);
        finish(command, "").await
    }

    /// Runs a command that must succeed, and gives its output's octets.
    ///
    /// # Errors
    /// When it fails.
    pub async fn octets(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        self.succeed(arguments, "").await
    }

    /// Runs a command that must succeed, and gives its output.
    ///
    /// # Errors
    /// When it fails.
    pub async fn tell(&self, arguments: &[&str]) -> Result<String> {
        Ok(String::from_utf8(self.octets(arguments).await?)?)
    }

    /// Runs a command with `--json`, and gives the object on each line.
    ///
    /// # Errors
    /// When it fails.
    pub async fn json(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        let text = self.tell(&[arguments, &["--json"]].concat()).await?;
        let lines = text.lines().map(serde_json::from_str);
        Ok(lines.collect::<Result<_, _>>()?)
    }

    /// Creates an account whose password is its address.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn add_account(&self, address: &str, options: &[&str]) -> Result<()> {
        let arguments = ["account", "add", address, "--password-file", "-"];
        let arguments = [&arguments, options].concat();
        self.succeed(&arguments, address).await.map(drop)
    }

    /// The messages in the INBOX of `address`.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn inbox(&self, address: &str) -> Result<Vec<Value>> {
        self.json(&["message", "list", address]).await
    }

    /// Waits for a message in the INBOX of `address` whose subject contains
    /// `subject`, and gives its octets.
    ///
    /// # Errors
    /// When none comes.
    pub async fn wait_for_mail(&self, address: &str, subject: &str) -> Result<Vec<u8>> {
        let what = format!("{address} has mail about {subject:?}");
        let uid = until(&what, async || {
            let inbox = self.inbox(address).await?;
            let found = inbox.iter().find(|message| {
                let found = message["subject"].as_str();
                found.is_some_and(|found| found.contains(subject))
            });
            Ok(found.and_then(|message| message["uid"].as_u64()))
        });
        let uid = uid.await?.to_string();
        self.octets(&["message", "show", address, &uid, "--raw"])
            .await
    }

    /// Waits until nothing is in flight.
    ///
    /// # Errors
    /// When something stays.
    pub async fn wait_until_settled(&self) -> Result<()> {
        until("nothing is in flight", async || {
            let queue = self.json(&["queue", "list"]).await?;
            Ok(queue.is_empty().then_some(()))
        })
        .await
    }

    async fn succeed(&self, arguments: &[&str], input: &str) -> Result<Vec<u8>> {
        let output = self.run(arguments, input).await?;
        ensure!(
            output.status == Some(0),
            "{arguments:?} ended by {:?}: {}",
            output.status,
            output.stderr
        );
        Ok(output.stdout)
    }
}

/// Runs a command to its end.
async fn finish(mut command: Command, input: &str) -> Result<Output> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let shown = format!("{command:?}");
    let mut command = tokio::process::Command::from(command);
    let mut child = command.kill_on_drop(true).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read its input may have closed it.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output());
    let output = output
        .await
        .with_context(|| format!("{shown} took too long"))??;
    Ok(Output {
        status: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
