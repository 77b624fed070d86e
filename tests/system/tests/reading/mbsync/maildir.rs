//! The near side: a Maildir for each mailbox, in folders of their names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::contents::{Contents, letter, number};

pub(crate) struct Maildir(PathBuf);

impl Maildir {
    pub(crate) fn create(path: PathBuf) -> Result<Self> {
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// What is in it. Lines end by a line feed alone here.
    pub(crate) fn contents(&self) -> Result<Contents> {
        let mut contents = Contents::new();
        for mailbox in self.mailboxes(&self.0)? {
            let mut messages = BTreeMap::new();
            for file in messages_in(&self.0.join(&mailbox))? {
                let number = number_in(&file)?;
                let doubled = messages.insert(number, flags(&file));
                ensure!(doubled.is_none(), "message {number} twice in {mailbox}");
            }
            contents.insert(mailbox, messages);
        }
        Ok(contents)
    }

    /// The names of all files of messages.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut files = Vec::new();
        for mailbox in self.mailboxes(&self.0)? {
            files.extend(messages_in(&self.0.join(mailbox))?);
        }
        files.sort();
        let names = files.iter().map(|file| file.display().to_string());
        Ok(names.collect())
    }

    /// Puts a message there as a program that delivers mail does.
    pub(crate) fn deliver(&self, mailbox: &str, number: usize) -> Result<()> {
        let mailbox = self.0.join(mailbox);
        for folder in ["cur", "new", "tmp"] {
            fs::create_dir_all(mailbox.join(folder))?;
        }
        let octets = String::from_utf8(letter(number))?.replace("\r\n", "\n");
        let name = format!("{number}.delivered.here");
        fs::write(mailbox.join("tmp").join(&name), octets)?;
        let (from, to) = (mailbox.join("tmp"), mailbox.join("new"));
        Ok(fs::rename(from.join(&name), to.join(&name))?)
    }

    /// Adds a flag as a reader of Maildirs does: by another name.
    pub(crate) fn flag(&self, mailbox: &str, number: usize, flag: char) -> Result<()> {
        let file = self.find(mailbox, number)?;
        let mut letters: Vec<char> = flags(&file).chars().chain([flag]).collect();
        letters.sort_unstable();
        letters.dedup();
        let letters: String = letters.into_iter().collect();
        let name = file.file_name().and_then(|name| name.to_str());
        let (base, _) = split(name.context("a name")?);
        let place = self.0.join(mailbox).join("cur");
        Ok(fs::rename(
            &file,
            place.join(format!("{base}:2,{letters}")),
        )?)
    }

    /// Removes a message.
    pub(crate) fn remove(&self, mailbox: &str, number: usize) -> Result<()> {
        Ok(fs::remove_file(self.find(mailbox, number)?)?)
    }

    fn find(&self, mailbox: &str, number: usize) -> Result<PathBuf> {
        for file in messages_in(&self.0.join(mailbox))? {
            if number_in(&file)? == number {
                return Ok(file);
            }
        }
        anyhow::bail!("no message {number} in {mailbox}")
    }

    /// The mailboxes in a folder and below it.
    fn mailboxes(&self, folder: &Path) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if ["cur", "new", "tmp"].iter().any(|end| path.ends_with(end)) || !path.is_dir() {
                continue;
            }
            if path.join("cur").is_dir() {
                let name = path.strip_prefix(&self.0)?;
                names.push(name.to_str().context("a name")?.to_owned());
            }
            names.extend(self.mailboxes(&path)?);
        }
        Ok(names)
    }
}

/// The files of a mailbox's messages.
fn messages_in(mailbox: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in ["cur", "new"] {
        for entry in fs::read_dir(mailbox.join(folder))? {
            files.push(entry?.path());
        }
    }
    Ok(files)
}

fn number_in(file: &Path) -> Result<usize> {
    let text = fs::read_to_string(file)?;
    number(text.replace('\n', "\r\n").as_bytes())
}

/// The letters behind a file's name.
fn flags(file: &Path) -> String {
    let name = file.file_name().and_then(|name| name.to_str());
    split(name.unwrap_or_default()).1.to_owned()
}

/// A file's name, and the flags behind it.
fn split(name: &str) -> (&str, &str) {
    name.split_once(":2,").unwrap_or((name, ""))
}
