//! What stands in a message, as people read it, whatever charset and encoding
//! it came in.

use mail_parser::decoders::html::html_to_text;

use crate::mail::{Decoder, Encoding, NodeKind, PartPlace, Source, Summary, header_text, text_of};

/// The most of a text part that is searched, encoded.
const MAX_PART: usize = 4 * 1024 * 1024;

/// The most of a message, encoded.
const MAX_TEXT: usize = 16 * 1024 * 1024;

/// The text of a message, folded for comparison.
#[derive(Debug, Default)]
pub(super) struct MessageText {
    /// Names and values, decoded.
    header: Vec<(String, String)>,
    body: String,
}

/// Text as it is compared: capital and small letters are the same.
pub(super) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// What is searched of a message, as it came.
pub(super) struct Encoded {
    header: Vec<u8>,
    body: Vec<Piece>,
}

/// A piece of a body.
enum Piece {
    /// The header of a message within.
    Header(Vec<u8>),
    Text {
        octets: Vec<u8>,
        encoding: Encoding,
        charset: String,
        html: bool,
    },
}

impl Encoded {
    /// Reads the header, and with a `summary` the texts of the body.
    pub(super) async fn read(
        source: &mut Source,
        summary: Option<&Summary>,
    ) -> Result<Self, content::Error> {
        let header = source.header().await?;
        let (mut body, mut read) = (Vec::new(), 0);
        for (at, part) in summary
            .iter()
            .flat_map(|summary| &summary.parts)
            .enumerate()
        {
            if read > MAX_TEXT {
                break;
            }
            if let Some(size) = header_within(at, part) {
                let start = source.own() + part.header_start;
                let octets = source.read_all(start, size).await?;
                read += octets.len();
                body.push(Piece::Header(octets));
            }
            if let Some((charset, size)) = text_within(part) {
                let start = source.own() + part.body_start;
                let octets = source.read_all(start, size).await?;
                read += octets.len();
                body.push(Piece::Text {
                    octets,
                    encoding: part.encoding,
                    charset: charset.to_owned(),
                    html: part.html,
                });
            }
        }
        Ok(Self { header, body })
    }

    /// How many octets that reads.
    pub(super) fn octets(summary: &Summary, with_body: bool) -> u64 {
        let header = summary.parts.first().map_or(0, |part| part.body_start);
        let parts = summary.parts.iter().enumerate().filter(|_| with_body);
        let sizes = parts.map(|(at, part)| {
            let text = text_within(part).map_or(0, |(_, size)| size);
            (header_within(at, part).unwrap_or(0) + text) as u64
        });
        sizes.fold(header, u64::saturating_add)
    }

    /// Undoes what they are encoded by. Takes its time.
    pub(super) fn decode(self) -> MessageText {
        let fields = header_text(&self.header, None).into_iter();
        let header = fields.map(|(name, value)| (name, fold(&value))).collect();
        let mut body = String::new();
        for piece in self.body {
            piece.decode(&mut body);
        }
        MessageText {
            header,
            body: fold(&body),
        }
    }
}

impl Piece {
    fn decode(self, body: &mut String) {
        match self {
            Self::Header(octets) => {
                for (_, value) in header_text(&octets, None) {
                    body.push_str(&value);
                    body.push('\n');
                }
            }
            Self::Text {
                octets: encoded,
                encoding,
                charset,
                html,
            } => {
                let mut decoder = Decoder::new(encoding);
                let mut octets = Vec::with_capacity(encoded.len());
                decoder.feed(&encoded, &mut octets);
                decoder.finish(&mut octets);
                let text = text_of(&octets, &charset);
                match html {
                    true => body.push_str(&html_to_text(&text)),
                    false => body.push_str(&text),
                }
                body.push('\n');
            }
        }
    }
}

/// How much is searched of the header of a part: that of a message within is part
/// of this one's body.
fn header_within(at: usize, part: &PartPlace) -> Option<usize> {
    let within = part.kind != NodeKind::Leaf || part.charset.is_some();
    (at > 0 && within).then(|| at_most(part.body_start - part.header_start))
}

/// The charset of a part that is text, and how much of it is searched.
fn text_within(part: &PartPlace) -> Option<(&str, usize)> {
    let charset = part
        .charset
        .as_deref()
        .filter(|_| part.kind == NodeKind::Leaf)?;
    Some((charset, at_most(part.body_end - part.body_start)))
}

fn at_most(size: u64) -> usize {
    size.min(MAX_PART as u64) as usize
}

impl MessageText {
    /// Whether a field of that name holds `needle`; with an empty one, whether
    /// there is such a field.
    pub(super) fn field_holds(&self, name: &str, needle: &str) -> bool {
        let mut fields = self.header.iter();
        fields.any(|(other, value)| other.eq_ignore_ascii_case(name) && value.contains(needle))
    }

    pub(super) fn body_holds(&self, needle: &str) -> bool {
        self.body.contains(needle)
    }

    /// Whether it stands anywhere.
    pub(super) fn holds(&self, needle: &str) -> bool {
        let in_header = self
            .header
            .iter()
            .any(|(name, value)| value.contains(needle) || fold(name).contains(needle));
        in_header || self.body_holds(needle)
    }
}
