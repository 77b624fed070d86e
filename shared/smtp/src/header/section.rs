//! The fields of a header section, and what submission does to them.

use message::Address;

use super::author::{self, AuthorError};

/// A header section over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the header section is too large")]
pub struct HeaderTooBig;

/// A whole header section; ends with its empty line.
#[derive(Debug, PartialEq, Eq)]
pub struct HeaderSection(Vec<u8>);

/// What a submitted message must not carry on (RFC 5321 §4.4, RFC 6409 §8):
/// blind copies, and a return path that only final delivery writes.
const REMOVED: [&str; 3] = ["Bcc", "Resent-Bcc", "Return-Path"];

impl HeaderSection {
    /// A section out of whole fields, without its empty line.
    pub(super) fn new(mut fields: Vec<u8>) -> Self {
        if !fields.is_empty() && !fields.ends_with(b"\r\n") {
            fields.extend_from_slice(b"\r\n");
        }
        fields.extend_from_slice(b"\r\n");
        Self(fields)
    }

    /// The section as it stands.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The unfolded values of the fields called `name`.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields().filter_map(move |field| {
            let found = field_name(field)?;
            let colon = memchr::memchr(b':', field)?;
            found
                .eq_ignore_ascii_case(name.as_bytes())
                .then(|| field[colon + 1..].trim_ascii())
        })
    }

    /// Whether there is a field called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// The addresses of `From`.
    ///
    /// # Errors
    /// When there is not exactly one such field, or it cannot be read.
    pub fn authors(&self) -> Result<Vec<Address>, AuthorError> {
        let mut fields = self.values("From");
        match (fields.next(), fields.next()) {
            (None, _) => Err(AuthorError::Missing),
            (Some(_), Some(_)) => Err(AuthorError::Repeated),
            (Some(value), None) => author::addresses(value),
        }
    }

    /// Takes away what must not go out, and adds `Date` and `Message-ID` where
    /// the client left that to us (RFC 6409 §8.2, §8.3).
    pub fn complete(&mut self, date: &str, message_id: &str) {
        self.remove(&REMOVED);
        self.add_missing("Date", date);
        self.add_missing("Message-ID", message_id);
    }

    /// Takes fields away in place: the section may be as large as all other
    /// memory of the session.
    fn remove(&mut self, names: &[&str]) {
        let (mut kept, mut at) = (0, 0);
        while let Some(length) = field_length(&self.0[at..]) {
            let field = &self.0[at..at + length];
            let unwanted = field_name(field).is_some_and(|found| {
                names
                    .iter()
                    .any(|n| found.eq_ignore_ascii_case(n.as_bytes()))
            });
            if !unwanted {
                self.0.copy_within(at..at + length, kept);
                kept += length;
            }
            at += length;
        }
        self.0.truncate(kept);
        self.0.extend_from_slice(b"\r\n");
    }

    fn add_missing(&mut self, name: &str, value: &str) {
        if !self.has(name) {
            self.0.truncate(self.0.len() - b"\r\n".len());
            self.0
                .extend_from_slice(format!("{name}: {value}\r\n\r\n").as_bytes());
        }
    }

    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let (field, after) = rest.split_at(field_length(rest)?);
            rest = after;
            Some(field)
        })
    }
}

/// The length of the first field with all its lines; none before the empty line.
fn field_length(octets: &[u8]) -> Option<usize> {
    if octets == b"\r\n" {
        return None;
    }
    let mut end = 0;
    loop {
        end += memchr::memchr(b'\n', &octets[end..])? + 1;
        if !matches!(octets.get(end), Some(b' ' | b'\t')) {
            return Some(end);
        }
    }
}

/// The name of the field that begins with `line` (RFC 5322 §2.2; blanks before
/// the colon are obsolete, but still sent).
pub(super) fn field_name(line: &[u8]) -> Option<&[u8]> {
    let name = line[..memchr::memchr(b':', line)?].trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(fields: &str) -> HeaderSection {
        HeaderSection::new(fields.as_bytes().to_vec())
    }

    fn check(fields: &str, expected: &str) {
        let mut section = section(fields);
        section.complete("today", "<1@b>");
        assert_eq!(
            std::str::from_utf8(section.octets()).unwrap(),
            format!("{expected}\r\n"),
            "{fields:?}"
        );
    }

    #[test]
    fn submission_completes_the_header() {
        check("", "Date: today\r\nMessage-ID: <1@b>\r\n");
        check(
            "Date: x\r\nA: b\r\n",
            "Date: x\r\nA: b\r\nMessage-ID: <1@b>\r\n",
        );
        check(
            "bcc: a@b,\r\n c@d\r\ndate: x\r\nReturn-Path: <>\r\nmessage-id : <2@c>\r\nResent-Bcc:\r\n",
            "date: x\r\nmessage-id : <2@c>\r\n",
        );
        check(
            "Date: x\r\nMessage-ID: y\r\nBCC: a@b\r\n",
            "Date: x\r\nMessage-ID: y\r\n",
        );
    }

    #[test]
    fn authors_are_read() {
        let authors = |fields: &str| {
            section(fields)
                .authors()
                .map(|found| found.iter().map(|a| a.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(
            authors("From: A\r\n <a@b.example>\r\n"),
            Ok(vec!["a@b.example".into()])
        );
        assert_eq!(authors("To: a@b\r\n"), Err(AuthorError::Missing));
        assert_eq!(
            authors("From: a@b\r\nfrom: c@d\r\n"),
            Err(AuthorError::Repeated)
        );
    }
}
