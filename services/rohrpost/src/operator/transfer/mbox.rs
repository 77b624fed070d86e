//! mbox: one file, each message behind a line that begins with `From `. Lines of
//! a message that begin so are quoted with `>`, and so are those quoted already
//! (the variant that is called mboxrd).

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use message::Timestamp;

use super::{Letter, failed};
use crate::Failure;

/// How `From ` lines tell the time, in UTC.
const ASCTIME: &str = "%a %b %e %H:%M:%S %Y";

/// An mbox being read.
pub(super) struct Mbox {
    path: PathBuf,
    lines: BufReader<File>,
    /// Octets read.
    offset: u64,
    /// The `From ` line of the next message, and where it stands.
    next: Option<(u64, Vec<u8>)>,
}

impl Mbox {
    /// Opens a file, and says how many octets it has.
    pub(super) fn open(path: &Path) -> Result<(Self, u64), Failure> {
        let file = File::open(path).map_err(failed("read", path))?;
        let octets = file.metadata().map_err(failed("read", path))?.len();
        let mut mbox = Self {
            path: path.to_owned(),
            lines: BufReader::new(file),
            offset: 0,
            next: None,
        };
        let first = mbox.line()?;
        if !first.is_empty() && !first.starts_with(b"From ") {
            let path = path.display();
            return Err(Failure::Usage(format!(
                "{path} is no mbox (its first line does not begin with `From `) and no Maildir"
            )));
        }
        mbox.next = (!first.is_empty()).then_some((0, first));
        Ok((mbox, octets))
    }

    /// How many octets were read.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next message.
    pub(super) fn next_letter(&mut self) -> Result<Option<Letter>, Failure> {
        let Some((start, from)) = self.next.take() else {
            return Ok(None);
        };
        let mut octets = Vec::new();
        let mut after_blank = false;
        loop {
            let at = self.offset;
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if after_blank && line.starts_with(b"From ") {
                self.next = Some((at, line));
                break;
            }
            after_blank = is_blank(&line);
            octets.extend_from_slice(unquoted(&line));
        }
        // The blank line before the next message is not this one's.
        if octets.ends_with(b"\r\n\r\n") {
            octets.truncate(octets.len() - 2);
        } else if octets.ends_with(b"\n\n") {
            octets.truncate(octets.len() - 1);
        }
        Ok(Some(Letter {
            key: start.to_string(),
            received: date(&from),
            flags: flags(&octets),
            octets,
        }))
    }

    fn line(&mut self) -> Result<Vec<u8>, Failure> {
        let mut line = Vec::new();
        let read = self.lines.read_until(b'\n', &mut line);
        self.offset += read.map_err(failed("read", &self.path))? as u64;
        Ok(line)
    }
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

/// Whether it would be taken for the begin of a message, but for quotes.
fn looks_like_from(line: &[u8]) -> bool {
    let quotes = line.iter().take_while(|octet| **octet == b'>').count();
    line[quotes..].starts_with(b"From ")
}

fn unquoted(line: &[u8]) -> &[u8] {
    match line {
        [b'>', rest @ ..] if looks_like_from(rest) => rest,
        line => line,
    }
}

/// The time in `From sender Sat Jan  3 01:05:34 1996`.
fn date(from: &[u8]) -> Option<Timestamp> {
    let line = std::str::from_utf8(from).ok()?;
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    let time = words.get(2..7)?.join(" ");
    let time = DateTime::strptime("%a %b %d %H:%M:%S %Y", time).ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

/// Flags in `Status` and `X-Status`, as mutt, Pine and Dovecot keep them.
fn flags(octets: &[u8]) -> Vec<String> {
    let mut flags = Vec::new();
    let lines = octets.split(|octet| *octet == b'\n');
    for line in lines.take_while(|line| !line.is_empty() && *line != b"\r") {
        let Some((name, value)) = std::str::from_utf8(line)
            .ok()
            .and_then(|line| line.split_once(':'))
        else {
            continue;
        };
        let known: &[(char, &str)] = match name.to_ascii_lowercase().as_str() {
            "status" => &[('R', r"\Seen")],
            "x-status" => &[
                ('A', r"\Answered"),
                ('F', r"\Flagged"),
                ('D', r"\Deleted"),
                ('T', r"\Draft"),
            ],
            _ => continue,
        };
        let set = known.iter().filter(|(letter, _)| value.contains(*letter));
        flags.extend(set.map(|(_, flag)| (*flag).to_owned()));
    }
    flags
}

/// Adds a message, whose lines end with LF.
pub(super) fn write(out: &mut impl io::Write, letter: &Letter) -> io::Result<()> {
    let received = letter
        .received
        .unwrap_or_default()
        .to_zoned_datetime(TimeZone::UTC);
    writeln!(out, "From MAILER-DAEMON {}", received.strftime(ASCTIME))?;
    for line in letter.octets.split_inclusive(|octet| *octet == b'\n') {
        if looks_like_from(line) {
            out.write_all(b">")?;
        }
        out.write_all(line)?;
    }
    if !letter.octets.ends_with(b"\n") {
        out.write_all(b"\n")?;
    }
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let letters = [
            "Subject: one\nStatus: RO\nX-Status: AF\n\nFrom here\n>From there\n\nFrom x\n",
            "Subject: two\n\n\n\n",
            "Subject: three\n",
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mbox");
        let mut octets = Vec::new();
        let received: Timestamp = "2026-11-03T15:05:00Z".parse().unwrap();
        for text in letters {
            let letter = Letter {
                key: String::new(),
                octets: text.as_bytes().to_vec(),
                received: Some(received),
                flags: Vec::new(),
            };
            write(&mut octets, &letter).unwrap();
        }
        std::fs::write(&path, &octets).unwrap();
        let (mut mbox, size) = Mbox::open(&path).unwrap();
        assert_eq!(size, octets.len() as u64);
        for (number, text) in letters.into_iter().enumerate() {
            let letter = mbox.next_letter().unwrap().unwrap();
            assert_eq!(String::from_utf8(letter.octets).unwrap(), text);
            assert_eq!(letter.received, Some(received));
            let flags = [r"\Seen", r"\Answered", r"\Flagged"];
            assert_eq!(letter.flags, flags[..if number == 0 { 3 } else { 0 }]);
        }
        assert!(mbox.next_letter().unwrap().is_none());
        assert_eq!(mbox.offset(), size);
        std::fs::write(&path, "no mbox\n").unwrap();
        assert!(matches!(Mbox::open(&path), Err(Failure::Usage(_))));
    }
}
