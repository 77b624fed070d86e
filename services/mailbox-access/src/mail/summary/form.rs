//! Summaries as octets. What was written by another version is not read: it is
//! computed again.

use super::{Encoding, Fields, NodeKind, PartPlace, Person, Summary};

/// Raised with every change of the form, or of what is computed.
const VERSION: u8 = 2;

pub(super) fn encode(summary: &Summary) -> Vec<u8> {
    let mut out = Writer(vec![VERSION]);
    out.octets(&summary.header);
    out.octets(&summary.envelope);
    out.octets(&summary.body);
    out.octets(&summary.body_structure);
    out.number(summary.parts.len() as u64);
    for part in &summary.parts {
        out.number(part.header_start);
        out.number(part.body_start - part.header_start);
        out.number(part.body_end - part.body_start);
        out.0.push(match part.kind {
            NodeKind::Leaf => 0,
            NodeKind::Multipart => 1,
            NodeKind::Message => 2,
        });
        out.0.push(match part.encoding {
            Encoding::Identity => 0,
            Encoding::Base64 => 1,
            Encoding::QuotedPrintable => 2,
            Encoding::Unknown => 3,
        });
        out.0.push(u8::from(part.html));
        out.octets(part.charset.as_deref().unwrap_or_default().as_bytes());
        out.number(part.children.len() as u64);
        for child in &part.children {
            out.number((*child).into());
        }
    }
    out.fields(&summary.fields);
    out.0
}

pub(super) fn decode(octets: &[u8]) -> Option<Summary> {
    let mut from = Reader(octets.strip_prefix(&[VERSION])?);
    let mut summary = Summary {
        header: from.octets()?.to_vec(),
        envelope: from.octets()?.to_vec(),
        body: from.octets()?.to_vec(),
        body_structure: from.octets()?.to_vec(),
        ..Summary::default()
    };
    for _ in 0..from.number()? {
        summary.parts.push(from.part()?);
    }
    summary.fields = from.fields()?;
    (from.0.is_empty() && !summary.parts.is_empty()).then_some(summary)
}

struct Writer(Vec<u8>);

impl Writer {
    /// Seven bits at a time, the lowest first.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn octets(&mut self, octets: &[u8]) {
        self.number(octets.len() as u64);
        self.0.extend_from_slice(octets);
    }

    fn fields(&mut self, fields: &Fields) {
        self.octets(fields.subject.as_bytes());
        self.octets(fields.base_subject.as_bytes());
        self.0.push(u8::from(fields.is_reply));
        for person in [&fields.from, &fields.to, &fields.cc] {
            self.octets(person.all.as_bytes());
            self.octets(person.mailbox.as_bytes());
            self.octets(person.display.as_bytes());
        }
        match fields.date {
            Some((seconds, day)) => {
                self.0.push(1);
                self.0.extend_from_slice(&seconds.to_le_bytes());
                day.iter()
                    .for_each(|part| self.0.extend_from_slice(&part.to_le_bytes()));
            }
            None => self.0.push(0),
        }
        self.octets(fields.message_id.as_bytes());
        self.number(fields.references.len() as u64);
        for reference in &fields.references {
            self.octets(reference.as_bytes());
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let octet = self.octet()?;
            number |= u64::from(octet & 0x7f).checked_shl(shift)?;
            if octet & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn octets(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (octets, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(octets)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.octets()?.to_vec()).ok()
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn part(&mut self) -> Option<PartPlace> {
        let header_start = self.number()?;
        let body_start = header_start.checked_add(self.number()?)?;
        let body_end = body_start.checked_add(self.number()?)?;
        let kind = match self.octet()? {
            0 => NodeKind::Leaf,
            1 => NodeKind::Multipart,
            2 => NodeKind::Message,
            _ => return None,
        };
        let encoding = match self.octet()? {
            0 => Encoding::Identity,
            1 => Encoding::Base64,
            2 => Encoding::QuotedPrintable,
            3 => Encoding::Unknown,
            _ => return None,
        };
        let html = self.octet()? == 1;
        let charset = Some(self.text()?).filter(|charset| !charset.is_empty());
        let mut children = Vec::new();
        for _ in 0..self.number()? {
            children.push(u32::try_from(self.number()?).ok()?);
        }
        Some(PartPlace {
            header_start,
            body_start,
            body_end,
            kind,
            encoding,
            charset,
            html,
            children,
        })
    }

    fn fields(&mut self) -> Option<Fields> {
        let mut fields = Fields {
            subject: self.text()?,
            base_subject: self.text()?,
            is_reply: self.octet()? == 1,
            from: self.person()?,
            to: self.person()?,
            cc: self.person()?,
            ..Fields::default()
        };
        if self.octet()? == 1 {
            let seconds = i64::from_le_bytes(self.array()?);
            let mut day = [0; 3];
            for part in &mut day {
                *part = i16::from_le_bytes(self.array()?);
            }
            fields.date = Some((seconds, day));
        }
        fields.message_id = self.text()?;
        for _ in 0..self.number()? {
            fields.references.push(self.text()?);
        }
        Some(fields)
    }

    fn person(&mut self) -> Option<Person> {
        Some(Person {
            all: self.text()?,
            mailbox: self.text()?,
            display: self.text()?,
        })
    }
}
