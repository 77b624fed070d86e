//! Bringing a mailbox along.

use std::path::Path;

use message::{Clock, MessageId};
use station::{SystemClock, SystemRandomness};
use web_gateway::api::{ImportedMessage, NewMailbox};

use super::journal::{Journal, Step};
use super::mbox::Mbox;
use super::{Letter, Target, maildir};
use crate::Failure;
use crate::operator::client::Client;
use crate::operator::progress::Progress;
use crate::operator::terminal::Terminal;
use crate::render::count;

/// Puts the messages of a Maildir or an mbox file into a mailbox, which is made
/// where it is missing.
pub(in super::super) async fn import(
    source: &Path,
    target: Target,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut import = Import {
        journal: Journal::open(source, &target)?,
        target,
        client,
        clock: SystemClock::new(),
        imported: 0,
        present: 0,
    };
    import.make_mailbox().await?;
    let progress = match maildir::is_one(source) {
        true => import.maildir(source).await?,
        false => import.mbox(source).await?,
    };
    progress.finish();
    let Import {
        target,
        imported,
        present,
        ..
    } = import;
    let mut words = format!(
        "{} imported to {}",
        count(imported, "message"),
        target.mailbox
    );
    if present > 0 {
        words.push_str(&format!("; {present} were there already"));
    }
    terminal.done(words)
}

struct Import<'c> {
    journal: Journal,
    target: Target,
    client: &'c Client,
    clock: SystemClock,
    imported: u64,
    present: u64,
}

impl Import<'_> {
    async fn make_mailbox(&self) -> Result<(), Failure> {
        let address = self.target.address.to_string();
        let new = NewMailbox {
            name: self.target.mailbox.clone(),
        };
        let path = ["accounts", &address, "mailboxes"];
        match self.client.send_body(&path, &new).await {
            Err(Failure::Refused(problem)) if problem.code == "exists" => Ok(()),
            other => other,
        }
    }

    async fn maildir(&mut self, source: &Path) -> Result<Progress, Failure> {
        let files = maildir::files(source)?;
        let progress = Progress::items(files.len() as u64);
        for file in files {
            if self.is_done(&maildir::key(&file)) {
                self.present += 1;
            } else {
                self.send(maildir::read(&file)?).await?;
            }
            progress.advance(1);
        }
        Ok(progress)
    }

    async fn mbox(&mut self, source: &Path) -> Result<Progress, Failure> {
        let (mut mbox, octets) = Mbox::open(source)?;
        let progress = Progress::octets(octets);
        let mut before = 0;
        while let Some(letter) = mbox.next_letter()? {
            if self.is_done(&letter.key) {
                self.present += 1;
            } else {
                self.send(letter).await?;
            }
            progress.advance(mbox.offset() - before);
            before = mbox.offset();
        }
        Ok(progress)
    }

    fn is_done(&self, key: &str) -> bool {
        self.journal.step(key) == Some(Step::Done)
    }

    async fn send(&mut self, letter: Letter) -> Result<(), Failure> {
        let id = match self.journal.step(&letter.key) {
            Some(Step::Sent(id)) => id,
            Some(Step::Done) | None => {
                let id = MessageId::draw(&self.clock, &SystemRandomness);
                self.journal.sent(&letter.key, id)?;
                id
            }
        };
        let received = letter.received.unwrap_or_else(|| self.clock.now());
        let query = [
            ("id", id.to_string()),
            ("received", received.to_string()),
            ("flags", letter.flags.join(",")),
        ];
        let address = self.target.address.to_string();
        let mailbox = self.target.mailbox.as_str();
        let path = ["accounts", &address, "mailboxes", mailbox, "messages"];
        let done: ImportedMessage = self
            .client
            .post_octets(&path, &query, letter.octets)
            .await?;
        match done.uid {
            Some(_) => self.imported += 1,
            None => self.present += 1,
        }
        self.journal.done(&letter.key)
    }
}
