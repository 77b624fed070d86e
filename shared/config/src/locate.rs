//! Finding keys in the text of a configuration file.

use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::error::Place;

/// A configuration file as it was read.
pub(crate) struct Source<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// Line and column of an offset in octets.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        Place::File {
            path: self.path.to_owned(),
            line,
            column,
        }
    }

    /// The key whose name or value spans `range`, such as `smtp.max_size`.
    pub(crate) fn key_at(&self, range: &Range<usize>) -> String {
        let mut path = Vec::new();
        if let Ok(document) = DeTable::parse(self.text) {
            descend(document.get_ref(), range, &mut path);
        }
        key_text(&path)
    }

    /// Where the longest known beginning of `path` stands; nowhere when not
    /// even its section does.
    pub(crate) fn find(&self, path: &[&str]) -> Option<Place> {
        let document = DeTable::parse(self.text).ok()?;
        let mut table = document.get_ref();
        let mut found = None;
        for name in path {
            let entry = table.iter().find(|(key, _)| key.get_ref() == name);
            let Some((key, value)) = entry else { break };
            found = Some(key.span().start);
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _leaf => break,
            }
        }
        found.map(|offset| self.place(offset))
    }
}

/// Follows the entries that hold `range`, innermost last.
fn descend(table: &DeTable<'_>, range: &Range<usize>, path: &mut Vec<String>) {
    let within = |span: Range<usize>| span.start <= range.start && range.end <= span.end;
    for (key, value) in table.iter() {
        let inner = match value.get_ref() {
            DeValue::Table(inner) => Some(inner),
            _leaf => None,
        };
        let depth = path.len();
        path.push(key.get_ref().to_string());
        // A table's own span is its header; its entries stand below that.
        if let Some(inner) = inner {
            descend(inner, range, path);
        }
        if path.len() > depth + 1 || within(key.span()) || within(value.span()) {
            return;
        }
        path.truncate(depth);
    }
}

/// A dotted key, its parts quoted where TOML asks for it.
pub(crate) fn key_text<S: AsRef<str>>(path: &[S]) -> String {
    let bare = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    let parts = path.iter().map(|part| match part.as_ref() {
        part if bare(part) => part.to_owned(),
        part => format!("{part:?}"),
    });
    parts.collect::<Vec<_>>().join(".")
}
