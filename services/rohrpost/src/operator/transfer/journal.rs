//! How far an import has come: a file beside its source, a line for each message
//! before it is sent, and one when the server has it.
//!
//! The first says under which id the message is sent: if the process dies between
//! the two, it is sent again under that id, and the server takes it once.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use message::MessageId;

use super::{Target, failed};
use crate::Failure;

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It was, or was about to be, sent under this id.
    Sent(MessageId),
    /// The server has it.
    Done,
}

/// The journal of an import.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    steps: HashMap<String, Step>,
}

impl Journal {
    /// Reads what was done before, if it was for the same mailbox.
    pub(super) fn open(source: &Path, target: &Target) -> Result<Self, Failure> {
        let mut path = source.as_os_str().to_owned();
        path.push(".rohrpost-import");
        let path = PathBuf::from(path);
        let title = format!("# import to {} of {}", target.mailbox, target.address);
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(&path);
        let mut file = file.map_err(failed("open the journal", &path))?;
        let mut steps = HashMap::new();
        let mut empty = true;
        for line in BufReader::new(&file).lines() {
            let line = line.map_err(failed("read the journal", &path))?;
            if std::mem::take(&mut empty) && line != title {
                return Err(Failure::Usage(format!(
                    "{} is the journal of another import ({line}); remove it to begin anew",
                    path.display()
                )));
            }
            if let Some((key, step)) = parse(&line) {
                steps.insert(key, step);
            }
        }
        if empty {
            writeln!(file, "{title}").map_err(failed("write the journal", &path))?;
        }
        Ok(Self { path, file, steps })
    }

    /// How far the message is, if it was begun.
    pub(super) fn step(&self, key: &str) -> Option<Step> {
        self.steps.get(key).copied()
    }

    /// The message is about to be sent.
    pub(super) fn sent(&mut self, key: &str, id: MessageId) -> Result<(), Failure> {
        self.note(&format!("sent {id} {key}"))
    }

    /// The server has the message.
    pub(super) fn done(&mut self, key: &str) -> Result<(), Failure> {
        self.note(&format!("done {key}"))
    }

    fn note(&mut self, line: &str) -> Result<(), Failure> {
        let written = writeln!(self.file, "{line}");
        written.map_err(failed("write the journal", &self.path))
    }
}

/// A line that was cut short says nothing.
fn parse(line: &str) -> Option<(String, Step)> {
    let (word, rest) = line.split_once(' ')?;
    match word {
        "done" => Some((rest.to_owned(), Step::Done)),
        "sent" => {
            let (id, key) = rest.split_once(' ')?;
            Some((key.to_owned(), Step::Sent(id.parse().ok()?)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("mail");
        let target = |name: &str| Target {
            address: "anna@example.org".parse().unwrap(),
            mailbox: name.parse().unwrap(),
        };
        let id = MessageId::from_bits(7);
        let mut journal = Journal::open(&source, &target("INBOX")).unwrap();
        assert_eq!(journal.step("a b"), None);
        journal.sent("a b", id).unwrap();
        journal.sent("c", id).unwrap();
        journal.done("a b").unwrap();
        let journal = Journal::open(&source, &target("INBOX")).unwrap();
        assert_eq!(journal.step("a b"), Some(Step::Done));
        assert_eq!(journal.step("c"), Some(Step::Sent(id)));
        let other = Journal::open(&source, &target("Sent"));
        assert!(matches!(other, Err(Failure::Usage(_))));
    }
}
