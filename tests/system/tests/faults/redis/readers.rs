//! Sessions of IMAP and POP3 that stay open while something is away.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use system::{Account, DEADLINE, House};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// Both sessions of one account.
pub(crate) struct Readers {
    _process: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Readers {
    /// Logs in and opens the INBOX.
    pub(crate) async fn open(house: &House, account: &Account) -> Result<Self> {
        let port = |at: SocketAddr| at.port().to_string();
        let mut process = Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/redis/readers.py"))
            .args([port(house.imaps()), port(house.pop3s())])
            .args([&account.address, &account.password])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let questions = process.stdin.take().context("stdin")?;
        let answers = BufReader::new(process.stdout.take().context("stdout")?).lines();
        let mut readers = Self {
            _process: process,
            questions,
            answers,
        };
        let ready = readers.answer(DEADLINE).await?;
        ensure!(ready == "ready", "{ready}");
        Ok(readers)
    }

    /// What `imap COMMAND` or `pop3 COMMAND` is answered within `limit`.
    pub(crate) async fn ask(&mut self, question: &str, limit: Duration) -> Result<String> {
        let line = format!("{question}\n");
        self.questions.write_all(line.as_bytes()).await?;
        let answer = self.answer(limit).await;
        answer.with_context(|| question.to_owned())
    }

    async fn answer(&mut self, limit: Duration) -> Result<String> {
        let line = timeout(limit, self.answers.next_line()).await;
        line.context("no answer in time")??.context("it ended")
    }
}

/// What curl says who logs in anew at `url`, with the dialogue.
pub(crate) async fn login(url: &str, account: &Account) -> Result<String> {
    let user = format!("{}:{}", account.address, account.password);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--verbose", "--insecure", "--max-time", "20"])
        .args(["--user", &user, url])
        .kill_on_drop(true);
    let output = curl.output().await?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}
