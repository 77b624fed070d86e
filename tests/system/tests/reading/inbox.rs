//! An inbox of five letters, and what a person does with them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use system::{House, Reader};

/// A letter of some day of November.
pub(crate) fn letter(day: usize, name: &str) -> Vec<u8> {
    let text = format!(
        "From: carol@example.org\r\nTo: bob@rohrpost.test\r\nSubject: {name}\r\n\
         Date: Mon, {day} Nov 2026 12:00:00 +0000\r\n\r\nThis is {name}.\r\n"
    );
    text.into_bytes()
}

/// A house where bob has five letters, and a look at his mailboxes.
pub(crate) async fn five_letters() -> Result<(House, Reader)> {
    let house = House::start().await?;
    let [_, bob] = house.accounts();
    let mut reader = Reader::login(house.imaps(), bob).await?;
    let names = ["one", "two", "three", "four", "five"];
    let letters: Vec<_> = (1..)
        .zip(names)
        .map(|(day, name)| letter(day, name))
        .collect();
    reader.append("INBOX", &letters).await?;
    Ok((house, reader))
}

/// After a client has read the first letter, flagged the second, saved the third to
/// Archive and removed the fourth.
pub(crate) async fn ensure_handled(reader: &mut Reader) -> Result<()> {
    let inbox = flags(reader, "INBOX").await?;
    let archive = flags(reader, "Archive").await?;
    let has = |name: &str, flag: &str| inbox[name].iter().any(|one| one == flag);
    ensure!(
        ["one", "two", "five"]
            .iter()
            .all(|name| inbox.contains_key(*name))
            && ["three", "four"]
                .iter()
                .all(|name| !inbox.contains_key(*name))
            && archive.keys().eq(["three"])
            && has("one", "\\Seen")
            && !has("one", "\\Flagged")
            && has("two", "\\Flagged")
            && !has("five", "\\Seen"),
        "{inbox:?} {archive:?}"
    );
    Ok(())
}

/// The flags of the messages in a mailbox, by subject.
async fn flags(reader: &mut Reader, mailbox: &str) -> Result<BTreeMap<String, Vec<String>>> {
    let stored = reader.messages(mailbox).await?.into_iter();
    let flags = stored.map(|message| {
        let subject = message.field("Subject: ").context("no subject")?;
        Ok((subject, message.flags))
    });
    flags.collect()
}
