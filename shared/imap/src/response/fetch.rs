//! FETCH responses (RFC 9051 §7.5.2), written piece by piece, so that what is
//! large can stream.

use jiff::Timestamp;

use super::output::Output;
use crate::date::format_internal_date;
use crate::fetch::{Part, Section, SectionText};
use crate::flag::Flag;

/// A FETCH response that is being written. Dropping it without
/// [`FetchResponse::end`] leaves half a line.
#[derive(Debug)]
#[must_use]
pub struct FetchResponse<'a> {
    out: &'a mut Output,
    started: bool,
}

/// A response that is half written.
#[derive(Debug)]
#[must_use]
pub struct Suspended {
    started: bool,
}

impl<'a> FetchResponse<'a> {
    /// Begins the response for the message of this number.
    pub fn begin(out: &'a mut Output, number: u32) -> Self {
        out.word("* ");
        out.number(number);
        out.word(" FETCH (");
        Self {
            out,
            started: false,
        }
    }

    /// Leaves the response as it is, while a literal's octets are sent.
    pub fn suspend(self) -> Suspended {
        Suspended {
            started: self.started,
        }
    }

    /// Goes on with a response.
    pub fn resume(out: &'a mut Output, suspended: Suspended) -> Self {
        Self {
            out,
            started: suspended.started,
        }
    }

    /// Ends the response.
    pub fn end(self) {
        self.out.word(")");
        self.out.end();
    }

    /// UID
    pub fn uid(&mut self, uid: u32) {
        self.name("UID ");
        self.out.number(uid);
    }

    /// FLAGS
    pub fn flags(&mut self, flags: &[Flag]) {
        self.name("FLAGS ");
        self.out
            .list(flags, |out, flag| out.word(&flag.to_string()));
    }

    /// MODSEQ
    pub fn modseq(&mut self, modseq: u64) {
        self.name("MODSEQ (");
        self.out.number(modseq);
        self.out.word(")");
    }

    /// RFC822.SIZE
    pub fn size(&mut self, size: u64) {
        self.name("RFC822.SIZE ");
        self.out.number(size);
    }

    /// INTERNALDATE
    pub fn internal_date(&mut self, time: Timestamp) {
        self.name("INTERNALDATE \"");
        self.out.word(&format_internal_date(time));
        self.out.word("\"");
    }

    /// SAVEDATE
    pub fn save_date(&mut self, time: Option<Timestamp>) {
        self.name("SAVEDATE ");
        match time {
            Some(time) => self
                .out
                .word(&format!("\"{}\"", format_internal_date(time))),
            None => self.out.word("NIL"),
        }
    }

    /// EMAILID
    pub fn email_id(&mut self, id: &str) {
        self.name("EMAILID (");
        self.out.text(id);
        self.out.word(")");
    }

    /// THREADID
    pub fn thread_id(&mut self, id: Option<&str>) {
        self.name("THREADID ");
        match id {
            Some(id) => {
                self.out.word("(");
                self.out.text(id);
                self.out.word(")");
            }
            None => self.out.word("NIL"),
        }
    }

    /// Something that an [`Output`] has written before: the ENVELOPE, BODY or
    /// BODYSTRUCTURE of this message.
    pub fn written(&mut self, name: &'static str, octets: &[u8]) {
        self.name(name);
        self.out.word(" ");
        self.out.raw(octets);
    }

    /// RFC822, RFC822.HEADER or RFC822.TEXT: as many octets must follow.
    pub fn literal(&mut self, name: &'static str, size: u64) {
        self.name(name);
        self.out.word(" ");
        self.out.literal(size);
    }

    /// BODY[section]<origin>: as many octets must follow, or NIL where None.
    pub fn section(&mut self, section: &Section, origin: Option<u32>, size: Option<u64>) {
        self.name("BODY[");
        write_section(self.out, section);
        self.out.word("]");
        self.sized(origin, size);
    }

    /// BINARY[part]<origin>: as many octets must follow, as a literal8 where
    /// one of them is NUL, or NIL where None.
    pub fn binary(&mut self, part: &Part, origin: Option<u32>, size: Option<u64>, nul: bool) {
        self.name("BINARY[");
        self.out.word(&part.to_string());
        self.out.word("]");
        self.origin(origin);
        match size {
            Some(size) => {
                self.out.word(if nul { "~" } else { "" });
                self.out.literal(size);
            }
            None => self.out.word("NIL"),
        }
    }

    /// BINARY.SIZE[part]
    pub fn binary_size(&mut self, part: &Part, size: u64) {
        self.name("BINARY.SIZE[");
        self.out.word(&part.to_string());
        self.out.word("] ");
        self.out.number(size);
    }

    /// Octets of the literal that was announced.
    pub fn octets(&mut self, octets: &[u8]) {
        self.out.raw(octets);
    }

    fn name(&mut self, name: &str) {
        if std::mem::replace(&mut self.started, true) {
            self.out.word(" ");
        }
        self.out.word(name);
    }

    fn origin(&mut self, origin: Option<u32>) {
        if let Some(origin) = origin {
            self.out.word(&format!("<{origin}>"));
        }
        self.out.word(" ");
    }

    fn sized(&mut self, origin: Option<u32>, size: Option<u64>) {
        self.origin(origin);
        match size {
            Some(size) => self.out.literal(size),
            None => self.out.word("NIL"),
        }
    }
}

fn write_section(out: &mut Output, section: &Section) {
    out.word(&section.part.to_string());
    let Some(text) = &section.text else {
        return;
    };
    if !section.part.0.is_empty() {
        out.word(".");
    }
    match text {
        SectionText::Header => out.word("HEADER"),
        SectionText::Text => out.word("TEXT"),
        SectionText::Mime => out.word("MIME"),
        SectionText::Fields(fields) => write_fields(out, "HEADER.FIELDS ", fields),
        SectionText::FieldsNot(fields) => write_fields(out, "HEADER.FIELDS.NOT ", fields),
    }
}

fn write_fields(out: &mut Output, name: &str, fields: &[Box<str>]) {
    out.word(name);
    out.list(fields, |out, field| {
        let atom = field.bytes().all(crate::cursor::is_atom_char);
        match atom {
            true => out.word(field),
            false => out.string(field.as_bytes()),
        }
    });
}
