//! A client that appends, flags, moves and expunges messages of its own, as fast as
//! it is let, and logs in again whenever the server goes.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use message::Randomness;
use message::time::SeededRandomness;
use system::{Account, Reader, Refusal, Response};

use super::Pace;
use super::diary::{Diary, FOLDERS, Folder, Known, Place};

/// What passes before a client looks again.
const PAUSE: Duration = Duration::from_millis(10);

/// The most messages in one APPEND.
const GROUP: f64 = 3.0;

/// One message in so many is larger than the content store packs.
const LARGE: u64 = 25;

/// What distinguishes the numbers of one client from another's.
const STEP: u64 = 1_000_000;

/// Makes the folders that are not there yet.
pub(crate) async fn prepare(server: SocketAddr, account: &Account) -> Result<()> {
    let mut reader = Reader::login(server, account).await?;
    let there = reader.mailboxes().await?;
    for folder in FOLDERS {
        if !there.iter().any(|name| name == folder) {
            reader.ask(&format!("CREATE {folder}")).await?;
        }
    }
    Ok(())
}

/// The octets of a numbered message.
pub(crate) fn letter(number: u64) -> Vec<u8> {
    let mut text = format!("From: carol@example.org\r\nSubject: {number}\r\n\r\n");
    let lines = if number.is_multiple_of(LARGE) {
        3_000
    } else {
        10
    };
    for line in 0..lines {
        text.push_str(&format!("{number} {line:>50}\r\n"));
    }
    text.into_bytes()
}

pub(crate) struct Client {
    server: SocketAddr,
    account: Account,
    next: u64,
    random: SeededRandomness,
    diary: Diary,
    selected: Option<Folder>,
}

impl Client {
    pub(crate) fn new(
        server: SocketAddr,
        account: Account,
        number: u64,
        random: SeededRandomness,
    ) -> Self {
        Self {
            server,
            account,
            next: number * STEP,
            random,
            diary: Diary::default(),
            selected: None,
        }
    }

    /// Works until it is told to stop; what it knows then.
    pub(crate) async fn work(mut self, pace: Arc<Pace>) -> Result<Diary> {
        while !pace.is_stopped() {
            if pace.waits() {
                tokio::time::sleep(PAUSE).await;
            } else if let Ok(mut reader) = Reader::login(self.server, &self.account).await {
                self.selected = None;
                self.session(&mut reader, &pace).await?;
            } else {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(self.diary)
    }

    /// Works until the connection breaks.
    async fn session(&mut self, reader: &mut Reader, pace: &Pace) -> Result<()> {
        while !pace.is_stopped() {
            if pace.waits() {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            match self.step(reader).await {
                Ok(()) => {
                    self.diary.answered += 1;
                    pace.count();
                }
                Err(error) if error.is::<Lie>() || error.is::<Refusal>() => return Err(error),
                Err(_) => {
                    self.diary.unanswered += 1;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn step(&mut self, reader: &mut Reader) -> Result<()> {
        let folder = self.draw(FOLDERS.len());
        let certain = self.diary.certain(folder);
        let kind = self.random.fraction();
        if certain.is_empty() || kind < 0.4 {
            return self.append(reader, folder).await;
        }
        self.select(reader, folder).await?;
        let (number, uid) = certain[self.draw(certain.len())];
        match kind {
            0.4..0.6 => self.flag(reader, number, uid).await,
            0.6..0.85 => self.relocate(reader, folder, number, uid).await,
            _ => self.expunge(reader, folder, number, uid).await,
        }
    }

    async fn append(&mut self, reader: &mut Reader, folder: Folder) -> Result<()> {
        let group = self.next;
        let count = 1 + (self.random.fraction() * GROUP) as u64;
        self.next += count;
        let numbers = group..self.next;
        for number in numbers.clone() {
            let known = Known {
                place: Place::Perhaps(folder),
                flagged: Some(false),
                group,
            };
            self.diary.messages.insert(number, known);
        }
        let letters: Vec<_> = numbers.clone().map(letter).collect();
        let told = reader.append(FOLDERS[folder], &letters).await?;
        let [validity, uids] = code(&told, "APPENDUID")?;
        ensure!(
            uids.clone().count() as u64 == count,
            Lie(format!("{told:?}"))
        );
        for (number, uid) in numbers.zip(uids) {
            self.placed(number, folder, *validity.start(), uid)?;
        }
        Ok(())
    }

    async fn flag(&mut self, reader: &mut Reader, number: u64, uid: u32) -> Result<()> {
        let flagged = self.random.fraction() < 0.7;
        self.diary.flag(number, None);
        let sign = if flagged { '+' } else { '-' };
        let store = format!("UID STORE {uid} {sign}FLAGS.SILENT (\\Flagged)");
        reader.ask(&store).await?;
        self.diary.flag(number, Some(flagged));
        Ok(())
    }

    /// Moves a message to another folder.
    async fn relocate(
        &mut self,
        reader: &mut Reader,
        folder: Folder,
        number: u64,
        uid: u32,
    ) -> Result<()> {
        let to = (folder + 1 + self.draw(FOLDERS.len() - 1)) % FOLDERS.len();
        self.diary.set(number, Place::InEither(folder, to));
        let command = format!("UID MOVE {uid} {}", FOLDERS[to]);
        let told = reader.ask(&command).await?;
        let [validity, _, new] = code(&told, "COPYUID")?;
        self.placed(number, to, *validity.start(), *new.start())
    }

    async fn expunge(
        &mut self,
        reader: &mut Reader,
        folder: Folder,
        number: u64,
        uid: u32,
    ) -> Result<()> {
        let store = format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)");
        reader.ask(&store).await?;
        self.diary.set(number, Place::PerhapsGone(folder));
        reader.ask(&format!("UID EXPUNGE {uid}")).await?;
        self.diary.set(number, Place::Gone);
        Ok(())
    }

    async fn select(&mut self, reader: &mut Reader, folder: Folder) -> Result<()> {
        if self.selected != Some(folder) {
            self.selected = None;
            reader.ask(&format!("SELECT {}", FOLDERS[folder])).await?;
            self.selected = Some(folder);
        }
        Ok(())
    }

    fn placed(&mut self, number: u64, folder: Folder, validity: u32, uid: u32) -> Result<()> {
        let placed = self.diary.placed(number, folder, validity, uid);
        placed.map_err(|error| Lie(error.to_string()).into())
    }

    fn draw(&self, count: usize) -> usize {
        (self.random.fraction() * count as f64) as usize
    }
}

/// What no server may say, killed or not.
#[derive(Debug)]
struct Lie(String);

impl std::fmt::Display for Lie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Lie {}

/// The numbers behind a response code, or ranges of them.
fn code<const N: usize>(
    told: &[Response],
    code: &str,
) -> std::result::Result<[RangeInclusive<u32>; N], Lie> {
    let lie = || Lie(format!("no {code} in {told:?}"));
    let start = format!("[{code} ");
    let words = told.iter().find_map(|one| one.between(&start, ']'));
    let ranges: Option<Vec<_>> = words.ok_or_else(lie)?.split(' ').map(range).collect();
    ranges
        .and_then(|ranges| ranges.try_into().ok())
        .ok_or_else(lie)
}

/// One number, or several in a row.
fn range(text: &str) -> Option<RangeInclusive<u32>> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    Some(first.parse().ok()?..=last.parse().ok()?)
}
