//! What a notice takes from the message it tells about.

use content::{Error, Reader};
use mail_parser::MessageParser;

/// The header section of the original message, our prefix included, up to
/// [`Headers::MAX`] octets; and what the notice quotes out of it.
#[derive(Debug, Default)]
pub struct Headers {
    octets: Vec<u8>,
    subject: Option<String>,
    message_id: Option<String>,
}

impl Headers {
    /// The most that is kept of a header section; the rest is not returned.
    pub const MAX: usize = 64 * 1024;
    /// The longest subject that is quoted, in characters.
    const SUBJECT: usize = 80;
    /// The longest Message-ID that is referred to, in octets.
    const MESSAGE_ID: usize = 250;

    /// Reads the header section of a content, and no more than that needs.
    pub async fn read(reader: &mut dyn Reader) -> Result<Self, Error> {
        let mut octets = reader.prefix().to_vec();
        octets.truncate(Self::MAX);
        let mut offset = 0;
        while octets.len() < Self::MAX && end_of_headers(&octets).is_none() {
            let chunk = reader.read_range(offset, Self::MAX - octets.len()).await?;
            if chunk.is_empty() {
                break;
            }
            offset += chunk.len() as u64;
            octets.extend_from_slice(&chunk);
        }
        Ok(Self::parse(octets))
    }

    /// The header section that `octets` begin with.
    pub fn parse(mut octets: Vec<u8>) -> Self {
        octets.truncate(Self::MAX);
        let end = end_of_headers(&octets).or_else(|| end_of_lines(&octets));
        octets.truncate(end.unwrap_or(0));
        let fields = MessageParser::new()
            .header_text("Subject")
            .header_id("Message-ID");
        let parsed = fields.parse_headers(&octets);
        let subject = parsed.as_ref().and_then(|parsed| parsed.subject());
        let message_id = parsed.as_ref().and_then(|parsed| parsed.message_id());
        Self {
            subject: subject.map(quotable).filter(|text| !text.is_empty()),
            message_id: message_id.filter(|id| is_sane(id)).map(str::to_owned),
            octets,
        }
    }

    /// The fields, each ended by CRLF, without the empty line.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Whether UTF-8 (RFC 6532), or anything else beyond ASCII, is in them.
    pub fn is_ascii(&self) -> bool {
        self.octets.is_ascii()
    }

    /// The decoded subject in one line, shortened, if there is one.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The Message-ID without its angle brackets, if it is fit to be repeated.
    pub fn message_id(&self) -> Option<&str> {
        self.message_id.as_deref()
    }
}

/// Where the header section ends: behind the CRLF of its last field.
fn end_of_headers(octets: &[u8]) -> Option<usize> {
    if octets.starts_with(b"\r\n") {
        return Some(0);
    }
    let gap = octets.windows(4).position(|four| four == b"\r\n\r\n");
    gap.map(|at| at + 2)
}

/// Behind the last whole line.
fn end_of_lines(octets: &[u8]) -> Option<usize> {
    let last = octets.windows(2).rposition(|two| two == b"\r\n");
    last.map(|at| at + 2)
}

/// `subject` in one line, without what could disturb the text around it.
fn quotable(subject: &str) -> String {
    let reorders = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let words: Vec<_> = super::field::words(subject).collect();
    let line: String = words.join(" ").chars().filter(|c| !reorders(*c)).collect();
    match line.char_indices().nth(Headers::SUBJECT) {
        None => line,
        Some(_) => {
            let kept = line.chars().take(Headers::SUBJECT - 3);
            kept.collect::<String>().trim_end().to_owned() + "..."
        }
    }
}

/// RFC 5322 §3.6.4, near enough: one graphic word around an @.
fn is_sane(message_id: &str) -> bool {
    let (left, right) = message_id.split_once('@').unwrap_or_default();
    let graphic = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>');
    !left.is_empty()
        && !right.is_empty()
        && message_id.len() <= Headers::MESSAGE_ID
        && message_id.bytes().all(graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, fields: &str, subject: Option<&str>, message_id: Option<&str>) {
        let headers = Headers::parse(message.into());
        assert_eq!(headers.octets(), fields.as_bytes(), "{message:?}");
        assert_eq!(headers.subject(), subject, "{message:?}");
        assert_eq!(headers.message_id(), message_id, "{message:?}");
    }

    #[test]
    fn headers_end_at_the_empty_line_or_with_the_last_whole_line() {
        check("", "", None, None);
        check("\r\nSubject: body\r\n", "", None, None);
        let fields = "Subject: Lunch\r\nMessage-ID: <a@b.c>\r\n";
        let expected = (Some("Lunch"), Some("a@b.c"));
        check(fields, fields, expected.0, expected.1);
        check(
            &format!("{fields}\r\nHi\r\n"),
            fields,
            expected.0,
            expected.1,
        );
        check(
            &format!("{fields}X: cut of"),
            fields,
            expected.0,
            expected.1,
        );
    }

    #[test]
    fn quotations_are_one_safe_line() {
        let of = |field: &str| Headers::parse(format!("{field}\r\n\r\n").into());
        let subject = |field| of(field).subject().map(str::to_owned);
        assert_eq!(
            subject("Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe=0D=0ABcc:_x?=").as_deref(),
            Some("Grüße Bcc: x")
        );
        assert_eq!(subject("Subject: a\r\n\tb\u{202e}").as_deref(), Some("a b"));
        assert_eq!(subject("Subject:   "), None);
        let long = subject(&format!("Subject: {}", "word ".repeat(50))).unwrap();
        assert!(long.ends_with("...") && long.chars().count() <= Headers::SUBJECT);
        for wrong in ["<>", "<a>", "<@b>", "<a@>", "<a b@c>", "<ä@c>"] {
            assert_eq!(of(&format!("Message-ID: {wrong}")).message_id(), None);
        }
    }
}
