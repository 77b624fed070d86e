//! Header fields, as far as they say what a part is.

use std::borrow::Cow;

use mail_parser::{Header, HeaderName, HeaderValue, MessageParser};

use super::decode::Encoding;
use super::scan::Inside;

/// Content-Type and its like.
#[derive(Debug, Clone, Default)]
pub(super) struct MimeHeader {
    pub(super) media_type: String,
    pub(super) subtype: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) encoding: Encoding,
    /// The name of the encoding as it stands there.
    pub(super) encoding_name: String,
    pub(super) id: Option<String>,
    pub(super) description: Option<Vec<u8>>,
    pub(super) md5: Option<String>,
    pub(super) disposition: Option<(String, Vec<(String, String)>)>,
    pub(super) language: Vec<String>,
    pub(super) location: Option<String>,
}

impl MimeHeader {
    /// Reads a header section. What it does not say is text, or, in a digest, a
    /// message.
    pub(super) fn read(header: &[u8], digest: bool) -> Self {
        let mut mime = Self::default();
        with_headers(header, |headers| {
            for field in headers {
                mime.take(header, field);
            }
        });
        if mime.media_type.is_empty() {
            (mime.media_type, mime.subtype) = match digest {
                true => ("message".to_owned(), "rfc822".to_owned()),
                false => ("text".to_owned(), "plain".to_owned()),
            };
            mime.parameters.clear();
            if !digest {
                let ascii = ("charset".to_owned(), "us-ascii".to_owned());
                mime.parameters.push(ascii);
            }
        }
        if mime.encoding_name.is_empty() {
            mime.encoding_name = "7bit".to_owned();
        }
        mime
    }

    fn take(&mut self, header: &[u8], field: &Header<'_>) {
        let raw = || {
            let text = String::from_utf8_lossy(raw_value(header, field)).into_owned();
            let text = unfold(text.as_bytes());
            String::from_utf8_lossy(&text).trim().to_owned()
        };
        match &field.name {
            HeaderName::ContentType if self.media_type.is_empty() => {
                if let Some((kind, subtype, parameters)) = content_type(&field.value) {
                    self.media_type = kind;
                    self.subtype = subtype.unwrap_or_default();
                    self.parameters = parameters;
                }
            }
            HeaderName::ContentDisposition if self.disposition.is_none() => {
                let disposition = content_type(&field.value);
                self.disposition = disposition.map(|(kind, _, parameters)| (kind, parameters));
            }
            HeaderName::ContentTransferEncoding if self.encoding_name.is_empty() => {
                self.encoding_name = raw();
                self.encoding = Encoding::named(&self.encoding_name);
            }
            HeaderName::ContentId if self.id.is_none() => self.id = Some(raw()),
            HeaderName::ContentDescription if self.description.is_none() => {
                self.description = Some(unfold(raw_value(header, field)));
            }
            HeaderName::ContentLocation if self.location.is_none() => self.location = Some(raw()),
            HeaderName::ContentLanguage if self.language.is_empty() => {
                let languages = raw();
                let languages = languages.split(',').map(str::trim);
                let languages = languages.filter(|language| !language.is_empty());
                self.language = languages.map(str::to_owned).collect();
            }
            HeaderName::Other(name) if name.eq_ignore_ascii_case("Content-MD5") => {
                self.md5 = Some(raw());
            }
            _ => {}
        }
    }

    pub(super) fn is(&self, media_type: &str, subtype: &str) -> bool {
        self.media_type.eq_ignore_ascii_case(media_type)
            && self.subtype.eq_ignore_ascii_case(subtype)
    }

    pub(super) fn is_text(&self) -> bool {
        self.media_type.eq_ignore_ascii_case("text")
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    /// What the body holds. An encoded message is octets (RFC 2046 §5.2.1).
    pub(super) fn inside(&self) -> Inside {
        if self.media_type.eq_ignore_ascii_case("multipart") {
            let boundary = self.parameter("boundary").unwrap_or_default();
            return match boundary.is_empty() || boundary.len() > 250 {
                true => Inside::Octets,
                false => Inside::Parts(boundary.as_bytes().to_vec()),
            };
        }
        let message = self.is("message", "rfc822") || self.is("message", "global");
        match message && self.encoding == Encoding::Identity {
            true => Inside::Message,
            false => Inside::Octets,
        }
    }
}

type TypeAndParameters = (String, Option<String>, Vec<(String, String)>);

fn content_type(value: &HeaderValue<'_>) -> Option<TypeAndParameters> {
    let HeaderValue::ContentType(found) = value else {
        return None;
    };
    let parameters = found.attributes.iter().flatten();
    let parameters = parameters.map(|each| (each.name.to_string(), each.value.to_string()));
    let kind = found.c_type.trim().to_owned();
    let subtype = found.c_subtype.as_ref().map(|kind| kind.trim().to_owned());
    (!kind.is_empty()).then(|| (kind, subtype, parameters.collect()))
}

/// The fields of a header section.
pub(super) fn with_headers<T>(header: &[u8], read: impl FnOnce(&[Header<'_>]) -> T) -> T {
    match MessageParser::default().parse_headers(header) {
        Some(message) => read(message.headers()),
        None => read(&[]),
    }
}

/// The octets of a field's value.
pub(super) fn raw_value<'a>(header: &'a [u8], field: &Header<'_>) -> &'a [u8] {
    let range = field.offset_start as usize..field.offset_end as usize;
    header.get(range).unwrap_or_default()
}

/// A value on one line: line ends go, and so does what surrounds it.
pub(super) fn unfold(value: &[u8]) -> Vec<u8> {
    let octets = value.iter().copied();
    let line: Vec<u8> = octets.filter(|b| !matches!(b, b'\r' | b'\n' | 0)).collect();
    line.trim_ascii().to_vec()
}

/// All fields of a header section, decoded: names and values. With `name`,
/// those of that name.
pub(crate) fn header_text(header: &[u8], name: Option<&str>) -> Vec<(String, String)> {
    // A default for other fields counts only where one field has a parser.
    let parser = MessageParser::new()
        .header_text(HeaderName::Subject)
        .default_header_text();
    let Some(message) = parser.parse_headers(header) else {
        return Vec::new();
    };
    let wanted =
        |field: &&Header<'_>| name.is_none_or(|name| field.name().eq_ignore_ascii_case(name));
    let fields = message.headers().iter().filter(wanted);
    let texts = fields.map(|field| {
        let text = match &field.value {
            HeaderValue::Text(text) => text.to_string(),
            HeaderValue::TextList(texts) => texts.join(" "),
            _ => String::new(),
        };
        (field.name().to_owned(), text)
    });
    texts.collect()
}

/// Text for a header field in ASCII: encoded words (RFC 2047 §2) where it is not.
pub(super) fn encode_words(text: &str) -> Vec<u8> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t')) {
        return text.as_bytes().to_vec();
    }
    use base64::Engine;
    let mut words: Vec<u8> = Vec::new();
    let mut rest: Cow<'_, str> = text.into();
    while !rest.is_empty() {
        // 45 octets make 60 of Base64, and a word of 72.
        let end = (0..=45.min(rest.len()))
            .rev()
            .find(|at| rest.is_char_boundary(*at))
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if !words.is_empty() {
            words.push(b' ');
        }
        words.extend_from_slice(b"=?UTF-8?B?");
        words.extend_from_slice(
            base64::engine::general_purpose::STANDARD
                .encode(word)
                .as_bytes(),
        );
        words.extend_from_slice(b"?=");
        rest = after.to_owned().into();
    }
    words
}
