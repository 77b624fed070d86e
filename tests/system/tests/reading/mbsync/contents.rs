//! What is in mailboxes, on whichever side: numbered messages and their flags.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use system::{Reader, Stored};

/// By mailbox and number the flags of each message, as letters of Maildir in
/// their order.
pub(crate) type Contents = BTreeMap<String, BTreeMap<usize, String>>;

/// One message in so many is large.
const LARGE: usize = 20;

/// The octets of a numbered message.
pub(crate) fn letter(number: usize) -> Vec<u8> {
    let mut text = format!(
        "From: \"Carol, née Löwe\" <carol@example.org>\r\nTo: bob@rohrpost.test\r\n\
         Subject: {number}\r\nMessage-ID: <{number}@example.org>\r\n\
         Content-Type: multipart/mixed; boundary=\"=_{number}\"\r\n\r\n\
         --=_{number}\r\n\r\n.\r\nFrom here\r\n\r\n--=_{number}\r\n\
         Content-Type: application/octet-stream\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n"
    );
    let lines = match number % LARGE {
        0 => 1500,
        other => other,
    };
    for line in 0..lines {
        let _ = write!(text, "{:064x}\r\n", line * (number + 1));
    }
    let _ = write!(text, "--=_{number}--\r\n");
    text.into_bytes()
}

/// Which message this is, if it is one octet for octet. mbsync marks its copies
/// with a field of their own.
pub(crate) fn number(octets: &[u8]) -> Result<usize> {
    let lines = octets.split_inclusive(|octet| *octet == b'\n');
    let whole: Vec<u8> = lines
        .filter(|line| !line.starts_with(b"X-TUID: "))
        .flatten()
        .copied()
        .collect();
    let text = String::from_utf8_lossy(&whole);
    let number = text.lines().find_map(|line| line.strip_prefix("Subject: "));
    let number = number.and_then(|number| number.parse().ok());
    let number = number.with_context(|| format!("no message of ours: {text}"))?;
    ensure!(whole == letter(number), "message {number} differs:\n{text}");
    Ok(number)
}

/// What the server has.
pub(crate) async fn far_contents(reader: &mut Reader) -> Result<Contents> {
    let mut contents = Contents::new();
    for mailbox in reader.mailboxes().await? {
        let mut messages = BTreeMap::new();
        for stored in reader.messages(&mailbox).await? {
            let number = number(&stored.octets)?;
            let doubled = messages.insert(number, letters(&stored));
            ensure!(doubled.is_none(), "message {number} twice in {mailbox}");
        }
        contents.insert(mailbox, messages);
    }
    Ok(contents)
}

/// The flags that Maildir has letters for.
fn letters(stored: &Stored) -> String {
    let known = [
        ("\\Draft", 'D'),
        ("\\Flagged", 'F'),
        ("\\Answered", 'R'),
        ("\\Seen", 'S'),
        ("\\Deleted", 'T'),
    ];
    let has = |flag: &str| stored.flags.iter().any(|one| one == flag);
    let letters = known.iter().filter(|(flag, _)| has(flag));
    letters.map(|(_, letter)| letter).collect()
}

/// Compares message by message.
pub(crate) fn same(side: &str, found: &Contents, expected: &Contents) -> Result<()> {
    let names = |contents: &Contents| contents.keys().cloned().collect::<Vec<_>>();
    ensure!(
        names(found) == names(expected),
        "{side}: {:?} instead of {:?}",
        names(found),
        names(expected)
    );
    for (mailbox, expected) in expected {
        let found = &found[mailbox];
        let differs = |(number, flags)| found.get(number) != Some(flags);
        let wrong: Vec<_> = expected.iter().filter(|one| differs(*one)).collect();
        ensure!(
            wrong.is_empty() && found.len() == expected.len(),
            "{side}: {mailbox} has {} messages for {}, without {wrong:?}",
            found.len(),
            expected.len()
        );
    }
    Ok(())
}
