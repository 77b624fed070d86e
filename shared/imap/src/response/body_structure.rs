//! BODY and BODYSTRUCTURE (RFC 9051 §7.5.2).

use super::envelope::Envelope;
use super::output::Output;

/// What a message is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyStructure {
    /// Parts.
    Multipart(Multipart),
    /// A part without parts of its own, unless it is a message.
    Leaf(Box<Leaf>),
}

/// Parameters of a field, in their order.
pub type Parameters = Vec<(Vec<u8>, Vec<u8>)>;

/// A part made of parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Multipart {
    /// The parts. Where there is none, an empty text stands for one.
    pub parts: Vec<BodyStructure>,
    /// `mixed`, `alternative` …
    pub subtype: Vec<u8>,
    /// Content-Type's parameters.
    pub parameters: Parameters,
    /// Content-Disposition
    pub disposition: Option<Disposition>,
    /// Content-Language
    pub language: Vec<Vec<u8>>,
    /// Content-Location
    pub location: Option<Vec<u8>>,
}

/// A part of one piece.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leaf {
    /// `text`, `image` …
    pub media_type: Vec<u8>,
    /// `plain`, `png` …
    pub subtype: Vec<u8>,
    /// Content-Type's parameters.
    pub parameters: Parameters,
    /// Content-ID
    pub id: Option<Vec<u8>>,
    /// Content-Description
    pub description: Option<Vec<u8>>,
    /// Content-Transfer-Encoding; 7BIT where there is none
    pub encoding: Vec<u8>,
    /// Octets, as they are transferred.
    pub size: u32,
    /// What it is besides.
    pub kind: Kind,
    /// Content-MD5
    pub md5: Option<Vec<u8>>,
    /// Content-Disposition
    pub disposition: Option<Disposition>,
    /// Content-Language
    pub language: Vec<Vec<u8>>,
    /// Content-Location
    pub location: Option<Vec<u8>>,
}

/// What sort of part it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Kind {
    /// Anything else.
    #[default]
    Basic,
    /// `text/*`, of so many lines.
    Text {
        /// Its lines.
        lines: u32,
    },
    /// `message/rfc822` or `message/global`.
    Message(Box<EmbeddedMessage>),
}

/// A message within a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedMessage {
    /// Its envelope.
    pub envelope: Envelope,
    /// What it is made of.
    pub structure: BodyStructure,
    /// Its lines.
    pub lines: u32,
}

/// How a part is to be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disposition {
    /// `inline`, `attachment` …
    pub kind: Vec<u8>,
    /// Its parameters.
    pub parameters: Parameters,
}

impl BodyStructure {
    /// Writes it as BODYSTRUCTURE, with extension data, or as BODY, without.
    pub fn write(&self, out: &mut Output, extended: bool) {
        out.word("(");
        match self {
            Self::Multipart(multipart) => multipart.write(out, extended),
            Self::Leaf(leaf) => leaf.write(out, extended),
        }
        out.word(")");
    }
}

impl Multipart {
    fn write(&self, out: &mut Output, extended: bool) {
        for part in &self.parts {
            part.write(out, extended);
        }
        if self.parts.is_empty() {
            out.word(r#"("text" "plain" NIL NIL NIL "7bit" 0 0)"#);
        }
        out.word(" ");
        out.string(&self.subtype);
        if extended {
            out.word(" ");
            write_parameters(out, &self.parameters);
            write_extension(out, &self.disposition, &self.language, &self.location);
        }
    }
}

impl Leaf {
    fn write(&self, out: &mut Output, extended: bool) {
        out.string(&self.media_type);
        out.word(" ");
        out.string(&self.subtype);
        out.word(" ");
        write_parameters(out, &self.parameters);
        out.word(" ");
        out.nstring(self.id.as_deref());
        out.word(" ");
        out.nstring(self.description.as_deref());
        out.word(" ");
        out.string(&self.encoding);
        out.word(" ");
        out.number(self.size);
        match &self.kind {
            Kind::Basic => {}
            Kind::Text { lines } => {
                out.word(" ");
                out.number(*lines);
            }
            Kind::Message(message) => {
                out.word(" ");
                message.envelope.write(out);
                out.word(" ");
                message.structure.write(out, extended);
                out.word(" ");
                out.number(message.lines);
            }
        }
        if extended {
            out.word(" ");
            out.nstring(self.md5.as_deref());
            write_extension(out, &self.disposition, &self.language, &self.location);
        }
    }
}

fn write_extension(
    out: &mut Output,
    disposition: &Option<Disposition>,
    language: &[Vec<u8>],
    location: &Option<Vec<u8>>,
) {
    match disposition {
        Some(Disposition { kind, parameters }) => {
            out.word(" (");
            out.string(kind);
            out.word(" ");
            write_parameters(out, parameters);
            out.word(")");
        }
        None => out.word(" NIL"),
    }
    out.word(" ");
    match language {
        [] => out.word("NIL"),
        [only] => out.string(only),
        several => out.list(several, |out, language| out.string(language)),
    }
    out.word(" ");
    out.nstring(location.as_deref());
}

fn write_parameters(out: &mut Output, parameters: &Parameters) {
    match parameters.is_empty() {
        true => out.word("NIL"),
        false => out.list(parameters, |out, (name, value)| {
            out.string(name);
            out.word(" ");
            out.string(value);
        }),
    }
}
