//! BODY[…], RFC822 and its like: from the content store to the client.

use imap::response::{FetchResponse, Suspended};
use imap::{FetchItem, Partial, Section, SectionText};

use super::octets::Octets;
use crate::imap::answer::Broken;
use crate::imap::session::Session;
use crate::mail::{Source, Summary};

impl Session {
    pub(super) async fn tell_section(
        &mut self,
        item: &FetchItem,
        source: Option<&mut Source>,
        summary: Option<&Summary>,
        suspended: Suspended,
    ) -> Result<Suspended, Broken> {
        let (name, section, partial) = named(item);
        let Some(source) = source else {
            return Ok(self.announce(name, &section, partial, None, suspended));
        };
        // Nothing is said before it is known to be there.
        let octets = Octets::find(&section, source, summary).await;
        let octets = octets.inspect_err(|error| {
            tracing::error!(%error, "cannot read a part of a message");
        });
        let octets = octets.unwrap_or(Octets::Missing).cut(partial);
        let suspended = self.announce(name, &section, partial, octets.size(), suspended);
        match octets {
            Octets::Held(octets) => self.out.raw(&octets),
            Octets::Range(offset, size) => self.stream(source, offset, size).await?,
            Octets::Missing => {}
        }
        Ok(suspended)
    }

    fn announce(
        &mut self,
        name: Option<&'static str>,
        section: &Section,
        partial: Option<Partial>,
        size: Option<u64>,
        suspended: Suspended,
    ) -> Suspended {
        let mut fetch = FetchResponse::resume(&mut self.out, suspended);
        match (name, size) {
            (None, size) => {
                fetch.section(section, partial.map(|partial| partial.offset), size);
            }
            (Some(name), Some(size)) => fetch.literal(name, size),
            (Some(name), None) => fetch.written(name, b"NIL"),
        }
        fetch.suspend()
    }

    /// Sends octets whose literal was announced.
    pub(super) async fn stream(
        &mut self,
        source: &mut Source,
        offset: u64,
        size: u64,
    ) -> Result<(), Broken> {
        let mut sent = 0;
        while sent < size {
            let max = usize::try_from(size - sent).unwrap_or(usize::MAX);
            let octets = source.read(offset + sent, max).await?;
            if octets.is_empty() {
                return Err(Broken::Io(std::io::ErrorKind::UnexpectedEof.into()));
            }
            sent += octets.len() as u64;
            self.out.raw(&octets);
            self.flush_if_full().await?;
        }
        Ok(())
    }
}

/// The section that an item means, and what it is called where that is not
/// BODY[…].
fn named(item: &FetchItem) -> (Option<&'static str>, Section, Option<Partial>) {
    let of = |text| Section {
        text,
        ..Section::default()
    };
    match item {
        FetchItem::Section {
            section, partial, ..
        } => (None, section.clone(), *partial),
        FetchItem::Rfc822Header => (Some("RFC822.HEADER"), of(Some(SectionText::Header)), None),
        FetchItem::Rfc822Text => (Some("RFC822.TEXT"), of(Some(SectionText::Text)), None),
        _ => (Some("RFC822"), of(None), None),
    }
}
