//! Where commands speak: words for people, or JSON, one object a line.

use std::io::{self, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::pages::Pages;
use crate::Failure;
use crate::render::{Moment, Table};

/// Standard output, and how it is to be spoken to.
pub(crate) struct Terminal {
    pub(crate) json: bool,
    pub(crate) moment: Moment,
}

impl Terminal {
    /// Words, or what they say as JSON.
    pub(crate) fn show<T: Serialize>(
        &self,
        value: &T,
        words: impl FnOnce(&T, &Moment) -> String,
    ) -> Result<(), Failure> {
        if self.json {
            return self.json_line(value);
        }
        self.words(&words(value, &self.moment))
    }

    /// A line for people; a program sees by the exit status that it is done.
    pub(crate) fn done(&self, words: impl std::fmt::Display) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        self.words(&words.to_string())
    }

    /// A list, page by page; `empty` says that there is nothing.
    pub(crate) async fn list<T: DeserializeOwned + Serialize>(
        &self,
        mut pages: Pages<'_, T>,
        empty: &str,
        table: impl Fn(&[T], &Moment) -> Table,
    ) -> Result<(), Failure> {
        let mut first = true;
        while let Some(items) = pages.next().await? {
            if self.json {
                items.iter().try_for_each(|item| self.json_line(item))?;
            } else if !items.is_empty() {
                let table = table(&items, &self.moment);
                self.words(&table.render(first))?;
                first = false;
            }
        }
        if first && !self.json {
            self.words(empty)
        } else {
            Ok(())
        }
    }

    /// Words that end with a line end.
    pub(crate) fn words(&self, text: &str) -> Result<(), Failure> {
        self.octets(format!("{}\n", text.trim_end()).as_bytes())
    }

    /// One line of JSON.
    pub(crate) fn json_line<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        let mut text = serde_json::to_vec(value)
            .map_err(io::Error::from)
            .map_err(Failure::Output)?;
        text.push(b'\n');
        self.octets(&text)
    }

    /// Octets as they are.
    pub(crate) fn octets(&self, octets: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(octets)
            .and_then(|()| out.flush())
            .map_err(Failure::Output)
    }
}
