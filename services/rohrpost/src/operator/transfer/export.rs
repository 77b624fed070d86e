//! Taking a mailbox along.
//!
//! A Maildir tells by its files what was exported; beside an mbox file stands how
//! far it is whole: behind that, it is cut off and goes on.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use web_gateway::api::{Mailbox, MessageSummary};

use super::{Letter, Target, failed, maildir, mbox};
use crate::Failure;
use crate::arguments::Format;
use crate::operator::client::Client;
use crate::operator::pages::Pages;
use crate::operator::progress::Progress;
use crate::operator::terminal::Terminal;
use crate::render::count;

/// Writes the messages of a mailbox into a Maildir or an mbox file.
pub(in super::super) async fn export(
    into: &Path,
    format: Format,
    target: &Target,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mailbox = find(target, client).await?;
    let mut sink = match format {
        Format::Maildir => Sink::maildir(into, &mailbox)?,
        Format::Mbox => Sink::mbox(into, &mailbox)?,
    };
    let address = target.address.to_string();
    let path = [
        "accounts",
        &address,
        "mailboxes",
        target.mailbox.as_str(),
        "messages",
    ];
    let progress = Progress::items(mailbox.messages);
    let mut pages: Pages<'_, MessageSummary> = Pages::new(client, &path, Vec::new());
    let (mut written, mut present) = (0, 0);
    while let Some(page) = pages.next().await? {
        for message in page {
            if sink.has(message.uid) {
                present += 1;
            } else {
                sink.write(fetch(client, &path, &message).await?, message.uid)?;
                written += 1;
            }
            progress.advance(1);
        }
    }
    progress.finish();
    let mut words = format!(
        "{} exported to {}",
        count(written, "message"),
        into.display()
    );
    if present > 0 {
        words.push_str(&format!("; {present} were there already"));
    }
    terminal.done(words)
}

async fn find(target: &Target, client: &Client) -> Result<Mailbox, Failure> {
    let address = target.address.to_string();
    let mut pages: Pages<'_, Mailbox> =
        Pages::new(client, &["accounts", &address, "mailboxes"], Vec::new());
    while let Some(page) = pages.next().await? {
        let mut page = page.into_iter();
        if let Some(found) = page.find(|mailbox| mailbox.name == target.mailbox.as_str()) {
            return Ok(found);
        }
    }
    Err(Failure::Usage(format!(
        "{address} has no mailbox {}",
        target.mailbox
    )))
}

/// The message as a file keeps it: lines end with LF.
async fn fetch(
    client: &Client,
    path: &[&str],
    message: &MessageSummary,
) -> Result<Letter, Failure> {
    let uid = message.uid.to_string();
    let path: Vec<_> = path.iter().copied().chain([uid.as_str(), "raw"]).collect();
    let mut stream = client.stream(&path, &[]).await?;
    let mut octets = Vec::new();
    while let Some(chunk) = stream.chunk().await.map_err(|error| client.broken(error))? {
        octets.extend_from_slice(&chunk);
    }
    let octets = with_line_feeds(&octets);
    Ok(Letter {
        key: String::new(),
        octets,
        received: Some(message.received),
        flags: message.flags.clone(),
    })
}

/// CRLF as LF; a CR elsewhere stays.
fn with_line_feeds(octets: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(octets.len());
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(line) => {
                lines.extend_from_slice(line);
                lines.push(b'\n');
            }
            None => lines.extend_from_slice(line),
        }
    }
    lines
}

/// Where messages go.
enum Sink {
    Maildir {
        path: PathBuf,
        validity: u32,
        there: HashSet<String>,
    },
    Mbox {
        path: PathBuf,
        file: File,
        mark: PathBuf,
        validity: u32,
        last: u32,
    },
}

impl Sink {
    fn maildir(path: &Path, mailbox: &Mailbox) -> Result<Self, Failure> {
        maildir::make(path)?;
        let there = maildir::files(path)?;
        Ok(Self::Maildir {
            path: path.to_owned(),
            validity: mailbox.uid_validity,
            there: there.iter().map(|file| maildir::key(file)).collect(),
        })
    }

    fn mbox(path: &Path, mailbox: &Mailbox) -> Result<Self, Failure> {
        let mut mark = path.as_os_str().to_owned();
        mark.push(".rohrpost-export");
        let mark = PathBuf::from(mark);
        let validity = mailbox.uid_validity;
        let (last, length) = match fs::read_to_string(&mark) {
            Ok(text) => marked(&text, validity).ok_or_else(|| {
                Failure::Usage(format!(
                    "{} is of another export; remove it to begin anew",
                    mark.display()
                ))
            })?,
            Err(_) if path.exists() => {
                let path = path.display();
                return Err(Failure::Usage(format!("{path} is there already")));
            }
            Err(_) => (0, 0),
        };
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(path);
        let mut file = file.map_err(failed("open", path))?;
        file.set_len(length)
            .and_then(|()| file.seek(SeekFrom::End(0)))
            .map_err(failed("cut", path))?;
        Ok(Self::Mbox {
            path: path.to_owned(),
            file,
            mark,
            validity,
            last,
        })
    }

    fn has(&self, uid: u32) -> bool {
        match self {
            Self::Maildir {
                validity, there, ..
            } => there.contains(&key(*validity, uid)),
            Self::Mbox { last, .. } => uid <= *last,
        }
    }

    fn write(&mut self, letter: Letter, uid: u32) -> Result<(), Failure> {
        match self {
            Self::Maildir { path, validity, .. } => {
                let key = key(*validity, uid);
                maildir::write(path, &Letter { key, ..letter })
            }
            Self::Mbox {
                path,
                file,
                mark,
                validity,
                last,
            } => {
                let mut text = Vec::new();
                mbox::write(&mut text, &letter)
                    .and_then(|()| file.write_all(&text))
                    .map_err(failed("write", path))?;
                let length = file.stream_position().map_err(failed("write", path))?;
                *last = uid;
                let whole = format!("{validity} {uid} {length}\n");
                fs::write(&*mark, whole).map_err(failed("write", mark))
            }
        }
    }
}

/// A name that no other message has.
fn key(validity: u32, uid: u32) -> String {
    format!("{validity}.U{uid:010}.rohrpost")
}

/// The last UID that is whole, and where it ends.
fn marked(text: &str, validity: u32) -> Option<(u32, u64)> {
    let mut words = text.split_ascii_whitespace();
    let same = words.next()?.parse() == Ok(validity);
    let (uid, length) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    same.then_some((uid, length))
}
