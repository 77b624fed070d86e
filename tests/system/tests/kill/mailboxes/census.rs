//! Every message is looked for, and compared with what its client knows.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use system::{Account, Reader, Stored};

use super::client::letter;
use super::diary::{Diary, FOLDERS, Folder, Known, Place};

/// Where a message was found.
struct Found {
    folder: Folder,
    uid: u32,
    flagged: bool,
}

/// How many messages are where.
#[derive(Debug, Default)]
struct Counts {
    kept: usize,
    gone: usize,
    /// Of those that nobody was told of: done, and not done.
    unanswered: [usize; 2],
    missing: Vec<u64>,
    doubled: Vec<u64>,
    risen: Vec<u64>,
    misplaced: Vec<u64>,
    /// Flags that are not as the client was told.
    flags: Vec<u64>,
}

/// Looks at all folders; fails where one differs from what the clients know.
pub(crate) async fn take_census(
    server: SocketAddr,
    account: &Account,
    diaries: &[Diary],
) -> Result<()> {
    let mut reader = Reader::login(server, account).await?;
    let mut found = BTreeMap::<u64, Vec<Found>>::new();
    for (folder, name) in FOLDERS.iter().enumerate() {
        let messages = reader.messages(name).await?;
        let uids: Vec<_> = messages.iter().map(|message| message.uid).collect();
        ensure!(uids.is_sorted_by(|a, b| a < b), "{name}: {uids:?}");
        for message in messages {
            let number = number(&message)?;
            ensure_not_used_before(diaries, (folder, message.uid), number)?;
            let flagged = message.flags.iter().any(|flag| flag == "\\Flagged");
            let uid = message.uid;
            let copies = found.entry(number).or_default();
            copies.push(Found {
                folder,
                uid,
                flagged,
            });
        }
    }
    agree(diaries)?;
    groups_are_whole(diaries, &found.keys().copied().collect())?;
    let mut counts = Counts::default();
    for (number, known) in diaries.iter().flat_map(|diary| &diary.messages) {
        let copies = found.remove(number).unwrap_or_default();
        counts.judge(*number, known, &copies);
    }
    ensure!(found.is_empty(), "from nowhere: {:?}", found.keys());
    counts.report(diaries)
}

/// Which message this is, octet for octet.
fn number(message: &Stored) -> Result<u64> {
    let number = message
        .field("Subject: ")
        .and_then(|text| text.parse().ok());
    let number = number.with_context(|| format!("UID {} is of nobody", message.uid))?;
    ensure!(message.octets == letter(number), "message {number} differs");
    Ok(number)
}

/// A UID is of one message for ever.
fn ensure_not_used_before(diaries: &[Diary], at: (Folder, u32), number: u64) -> Result<()> {
    let told = diaries.iter().find_map(|diary| diary.told.get(&at));
    ensure!(
        told.is_none_or(|told| *told == number),
        "UID {} in {} was of {told:?}, and is of {number}",
        at.1,
        FOLDERS[at.0]
    );
    Ok(())
}

/// No two clients were told of different messages under one UID, nor of different
/// numberings.
fn agree(diaries: &[Diary]) -> Result<()> {
    let mut validity = BTreeMap::new();
    for diary in diaries {
        for (at, number) in &diary.told {
            ensure_not_used_before(diaries, *at, *number)?;
        }
        for (folder, told) in &diary.validity {
            let before = *validity.entry(*folder).or_insert(*told);
            ensure!(before == *told, "{} was renumbered", FOLDERS[*folder]);
        }
    }
    Ok(())
}

/// What came by one APPEND that was not answered is all there, or none of it.
fn groups_are_whole(diaries: &[Diary], present: &BTreeSet<u64>) -> Result<()> {
    let mut groups = BTreeMap::<u64, BTreeSet<bool>>::new();
    for (number, known) in diaries.iter().flat_map(|diary| &diary.messages) {
        if let Place::Perhaps(_) = known.place {
            let group = groups.entry(known.group).or_default();
            group.insert(present.contains(number));
        }
    }
    let torn: Vec<_> = groups.iter().filter(|(_, kinds)| kinds.len() > 1).collect();
    ensure!(torn.is_empty(), "appended in part: {torn:?}");
    Ok(())
}

impl Counts {
    fn judge(&mut self, number: u64, known: &Known, copies: &[Found]) {
        let [copy] = copies else {
            return self.judge_count(number, known, copies.len());
        };
        let belongs = match known.place {
            Place::In(folder, uid) => copy.folder == folder && copy.uid == uid,
            Place::InEither(from, to) => copy.folder == from || copy.folder == to,
            Place::Perhaps(folder) | Place::PerhapsGone(folder) => copy.folder == folder,
            Place::Gone => return self.risen.push(number),
        };
        if !belongs {
            self.misplaced.push(number);
        }
        if known.flagged.is_some_and(|flagged| flagged != copy.flagged) {
            self.flags.push(number);
        }
        match known.place {
            Place::Perhaps(_) => self.unanswered[0] += 1,
            Place::PerhapsGone(_) => self.unanswered[1] += 1,
            Place::InEither(_, to) => self.unanswered[usize::from(copy.folder != to)] += 1,
            Place::In(..) | Place::Gone => {}
        }
        self.kept += 1;
    }

    /// None, or more than one.
    fn judge_count(&mut self, number: u64, known: &Known, copies: usize) {
        if copies > 1 {
            return self.doubled.push(number);
        }
        match known.place {
            Place::Gone => self.gone += 1,
            Place::Perhaps(_) => self.unanswered[1] += 1,
            Place::PerhapsGone(_) => self.unanswered[0] += 1,
            Place::In(..) | Place::InEither(..) => self.missing.push(number),
        }
    }

    fn report(&self, diaries: &[Diary]) -> Result<()> {
        let sum = |count: fn(&Diary) -> usize| diaries.iter().map(count).sum::<usize>();
        println!(
            "{} messages, {} commands answered, {} not",
            sum(|diary| diary.messages.len()),
            sum(|diary| diary.answered),
            sum(|diary| diary.unanswered),
        );
        let [done, undone] = self.unanswered;
        println!(
            "kept {}, expunged {}; unanswered and done {done}, unanswered and not done {undone}",
            self.kept, self.gone
        );
        let faults = [
            ("missing", &self.missing),
            ("doubled", &self.doubled),
            ("risen again", &self.risen),
            ("misplaced", &self.misplaced),
            ("wrongly flagged", &self.flags),
        ];
        for (what, numbers) in faults {
            println!("{what} {}", numbers.len());
            ensure!(numbers.is_empty(), "{what}: {numbers:?}");
        }
        Ok(())
    }
}
