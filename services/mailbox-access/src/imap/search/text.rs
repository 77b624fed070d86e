//! What stands in a message, as people read it, whatever charset and encoding
//! it came in.

use mail_parser::decoders::html::html_to_text;

use crate::mail::{Decoder, NodeKind, Source, Summary, header_text, text_of};

/// The most of a text part that is searched, encoded.
const MAX_PART: usize = 4 * 1024 * 1024;

/// The most of a message.
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

impl MessageText {
    /// Reads the header, and with a `summary` the texts of the body.
    pub(super) async fn read(
        source: &mut Source,
        summary: Option<&Summary>,
    ) -> Result<Self, content::Error> {
        let header = source.header().await?;
        let fields = header_text(&header, None).into_iter();
        let header = fields.map(|(name, value)| (name, fold(&value))).collect();
        let mut body = String::new();
        if let Some(summary) = summary {
            body = fold(&body_text(source, summary).await?);
        }
        Ok(Self { header, body })
    }

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

async fn body_text(source: &mut Source, summary: &Summary) -> Result<String, content::Error> {
    let mut body = String::new();
    let own = source.own();
    for (at, part) in summary.parts.iter().enumerate() {
        if body.len() > MAX_TEXT {
            break;
        }
        // The header of a message within is part of this one's body.
        let within = part.kind != NodeKind::Leaf || part.charset.is_some();
        if at > 0 && within {
            let size = (part.body_start - part.header_start).min(MAX_PART as u64);
            let header = source
                .read_all(own + part.header_start, size as usize)
                .await?;
            for (_, value) in header_text(&header, None) {
                body.push_str(&value);
                body.push('\n');
            }
        }
        let Some(charset) = &part.charset else {
            continue;
        };
        if part.kind != NodeKind::Leaf {
            continue;
        }
        let size = (part.body_end - part.body_start).min(MAX_PART as u64);
        let encoded = source
            .read_all(own + part.body_start, size as usize)
            .await?;
        let mut decoder = Decoder::new(part.encoding);
        let mut octets = Vec::new();
        decoder.feed(&encoded, &mut octets);
        decoder.finish(&mut octets);
        let text = text_of(&octets, charset);
        match part.html {
            true => body.push_str(&html_to_text(&text)),
            false => body.push_str(&text),
        }
        body.push('\n');
    }
    Ok(body)
}
