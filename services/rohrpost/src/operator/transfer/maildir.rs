//! Maildir: a file for each message, its flags in the file's name.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use message::Timestamp;

use super::{Letter, failed};
use crate::Failure;

/// The letters of a name, and the flags that they stand for.
const FLAGS: [(char, &str); 6] = [
    ('D', r"\Draft"),
    ('F', r"\Flagged"),
    ('P', "$Forwarded"),
    ('R', r"\Answered"),
    ('S', r"\Seen"),
    ('T', r"\Deleted"),
];

/// Whether that folder is one.
pub(super) fn is_one(path: &Path) -> bool {
    path.join("cur").is_dir()
}

/// The files of its messages, oldest first.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for folder in ["cur", "new"] {
        let folder = path.join(folder);
        if !folder.is_dir() {
            continue;
        }
        let entries = fs::read_dir(&folder).map_err(failed("list", &folder))?;
        for entry in entries {
            let entry = entry.map_err(failed("list", &folder))?;
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !hidden {
                let data = entry.metadata().map_err(failed("look at", &entry.path()))?;
                files.push((data.modified().ok(), entry.path()));
            }
        }
    }
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// By what a message is known: its name without flags.
pub(super) fn key(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.split(":2,").next().unwrap_or_default().to_owned()
}

/// Reads a message.
pub(super) fn read(file: &Path) -> Result<Letter, Failure> {
    let octets = fs::read(file).map_err(failed("read", file))?;
    let modified = fs::metadata(file).and_then(|data| data.modified());
    let received = modified
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok());
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let letters = name.split_once(":2,").map_or("", |(_, letters)| letters);
    let flags = FLAGS.iter().filter(|(letter, _)| letters.contains(*letter));
    Ok(Letter {
        key: key(file),
        octets,
        received,
        flags: flags.map(|(_, flag)| (*flag).to_owned()).collect(),
    })
}

/// Makes the folders of a Maildir.
pub(super) fn make(path: &Path) -> Result<(), Failure> {
    for folder in ["cur", "new", "tmp"] {
        let folder = path.join(folder);
        fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
    }
    Ok(())
}

/// Puts a message there whole: nobody sees a part of it.
pub(super) fn write(path: &Path, letter: &Letter) -> Result<(), Failure> {
    let letters: String = FLAGS
        .iter()
        .filter(|(_, flag)| {
            letter
                .flags
                .iter()
                .any(|has| has.eq_ignore_ascii_case(flag))
        })
        .map(|(letter, _)| *letter)
        .collect();
    let unfinished = path.join("tmp").join(&letter.key);
    fs::write(&unfinished, &letter.octets).map_err(failed("write", &unfinished))?;
    let received = letter.received.map(SystemTime::try_from);
    if let Some(Ok(received)) = received {
        let file = fs::OpenOptions::new().write(true).open(&unfinished);
        let dated = file.and_then(|file| file.set_modified(received));
        dated.map_err(failed("date", &unfinished))?;
    }
    let finished = path.join("cur").join(format!("{}:2,{letters}", letter.key));
    fs::rename(&unfinished, &finished).map_err(failed("write", &finished))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path()).unwrap();
        let received: Timestamp = "2026-11-23T15:05:00Z".parse().unwrap();
        let letter = Letter {
            key: "1.V2U3".to_owned(),
            octets: b"Subject: x\n\nhello\n".to_vec(),
            received: Some(received),
            flags: vec![r"\Seen".to_owned(), r"\flagged".to_owned()],
        };
        write(folder.path(), &letter).unwrap();
        assert!(is_one(folder.path()));
        let files = files(folder.path()).unwrap();
        assert_eq!(files.len(), 1);
        assert!(files[0].ends_with("cur/1.V2U3:2,FS"), "{files:?}");
        let read = read(&files[0]).unwrap();
        assert_eq!((read.key, read.octets), (letter.key, letter.octets));
        assert_eq!(read.received, Some(received));
        assert_eq!(read.flags, [r"\Flagged", r"\Seen"]);
    }
}
