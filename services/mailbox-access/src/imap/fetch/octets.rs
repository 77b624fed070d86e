//! Octets of a message, as FETCH names them.

use imap::{Partial, Section, SectionText};

use crate::mail::{Source, Summary};

/// Where the octets of a section are.
pub(super) enum Octets {
    /// From here, so many.
    Range(u64, u64),
    /// These.
    Held(Vec<u8>),
    /// There are none: NIL.
    Missing,
}

impl Octets {
    /// The octets of a section, before any of them is said.
    pub(super) async fn find(
        section: &Section,
        source: &mut Source,
        summary: Option<&Summary>,
    ) -> Result<Self, content::Error> {
        let numbers = &section.part.0;
        match (&section.text, numbers.is_empty()) {
            (None, true) => Ok(Self::Range(0, source.size())),
            (Some(text), true) => {
                let header = source.header().await?;
                Ok(Self::of_message(text, header, 0, source.size()))
            }
            (text, false) => match summary {
                Some(summary) => Self::of_part(numbers, text.as_ref(), source, summary).await,
                None => Ok(Self::Missing),
            },
        }
    }

    async fn of_part(
        numbers: &[u32],
        text: Option<&SectionText>,
        source: &mut Source,
        summary: &Summary,
    ) -> Result<Self, content::Error> {
        let own = source.own();
        // What stands before the content belongs to the message's header.
        let header_start = |start: u64| if start == 0 { 0 } else { own + start };
        let Some(place) = summary.part(numbers) else {
            return Ok(Self::Missing);
        };
        match text {
            None => Ok(Self::Range(
                own + place.body_start,
                place.body_end - place.body_start,
            )),
            Some(SectionText::Mime) => {
                let start = header_start(place.header_start);
                Ok(Self::Range(start, own + place.body_start - start))
            }
            Some(text) => {
                let Some(message) = summary.message(numbers) else {
                    return Ok(Self::Missing);
                };
                let start = header_start(message.header_start);
                let size = own + message.body_start - start;
                // No header is longer than what is worth filtering.
                let size = usize::try_from(size).unwrap_or(usize::MAX).min(1 << 20);
                let header = source.read_all(start, size).await?;
                let end = own + message.body_end;
                Ok(Self::of_message(text, header, start, end))
            }
        }
    }

    /// What `text` names of a message that starts with `header`.
    fn of_message(text: &SectionText, header: Vec<u8>, start: u64, end: u64) -> Self {
        match text {
            SectionText::Header => Self::Held(header),
            SectionText::Fields(names) => Self::Held(filter(&header, names, true)),
            SectionText::FieldsNot(names) => Self::Held(filter(&header, names, false)),
            SectionText::Text => {
                let body = start + header.len() as u64;
                Self::Range(body, end.saturating_sub(body))
            }
            SectionText::Mime => Self::Missing,
        }
    }

    /// The part of it that a client asks for.
    pub(super) fn cut(self, partial: Option<Partial>) -> Self {
        let Some(Partial { offset, length }) = partial else {
            return self;
        };
        let (offset, length) = (u64::from(offset), u64::from(length));
        match self {
            Self::Range(start, size) => {
                let offset = offset.min(size);
                Self::Range(start + offset, length.min(size - offset))
            }
            Self::Held(octets) => {
                let start = usize::try_from(offset)
                    .unwrap_or(usize::MAX)
                    .min(octets.len());
                let rest = octets.len() - start;
                let size = usize::try_from(length).unwrap_or(usize::MAX).min(rest);
                Self::Held(octets[start..start + size].to_vec())
            }
            Self::Missing => Self::Missing,
        }
    }

    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::Range(_, size) => Some(*size),
            Self::Held(octets) => Some(octets.len() as u64),
            Self::Missing => None,
        }
    }
}

/// The fields that are, or are not, of these names, and the empty line.
fn filter(header: &[u8], names: &[Box<str>], wanted: bool) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut keep = false;
    for line in header.split_inclusive(|b| *b == b'\n') {
        let empty = matches!(line, b"\r\n" | b"\n");
        if empty {
            continue;
        }
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            let name = line.split(|b| *b == b':').next().unwrap_or_default();
            let name = name.trim_ascii_end();
            let mut names = names.iter();
            keep = names.any(|other| name.eq_ignore_ascii_case(other.as_bytes())) == wanted;
        }
        if keep {
            kept.extend_from_slice(line);
        }
    }
    kept.extend_from_slice(b"\r\n");
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_picked() {
        let header = b"From: a\r\nTo: b,\r\n c\r\nX-Y : d\r\n\r\n";
        let pick = |names: &[&str], wanted| {
            let names: Vec<Box<str>> = names.iter().map(|name| (*name).into()).collect();
            String::from_utf8(filter(header, &names, wanted)).unwrap()
        };
        assert_eq!(pick(&["TO", "CC"], true), "To: b,\r\n c\r\n\r\n");
        assert_eq!(pick(&["TO"], false), "From: a\r\nX-Y : d\r\n\r\n");
        assert_eq!(pick(&["x-y"], true), "X-Y : d\r\n\r\n");
        assert_eq!(pick(&["BCC"], true), "\r\n");
    }
}
