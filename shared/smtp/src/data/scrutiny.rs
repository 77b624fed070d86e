//! What is wrong with content, and what must be known of it, however it comes.

use super::headers::HeaderWatch;

/// Why content is not accepted. The rest is read and thrown away up to its true
/// end, and only then is the client told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A CR without LF.
    #[error("a carriage return without line feed")]
    BareCr,
    /// An LF without CR.
    #[error("a line feed without carriage return")]
    BareLf,
    /// An octet 0, which RFC 5322 §2.2 does not allow.
    #[error("a NUL octet")]
    Nul,
    /// More octets than the limit.
    #[error("more octets than are allowed")]
    TooBig,
    /// More `Received:` fields than the limit (RFC 5321 §6.3).
    #[error("too many hops: probably a loop")]
    Loop,
}

impl Fault {
    /// Whether the client tried, or was made to try, what smugglers try; behind
    /// DATA the connection is then of no further use.
    pub fn is_smuggling(self) -> bool {
        matches!(self, Self::BareCr | Self::BareLf)
    }
}

/// What was seen in content that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Octets after unstuffing.
    pub size: u64,
    /// Some octet is 128 or above.
    pub eight_bit: bool,
    /// One of them stands in the header section.
    pub eight_bit_header: bool,
}

/// Watches content stream by.
#[derive(Debug)]
pub(super) struct Scrutiny {
    size_limit: u64,
    hop_limit: usize,
    summary: Summary,
    headers: HeaderWatch,
    fault: Option<Fault>,
}

impl Scrutiny {
    pub(super) fn new(size_limit: u64, hop_limit: usize) -> Self {
        Self {
            size_limit,
            hop_limit,
            summary: Summary {
                size: 0,
                eight_bit: false,
                eight_bit_header: false,
            },
            headers: HeaderWatch::default(),
            fault: None,
        }
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Records a fault; a sign of smuggling outweighs others.
    pub(super) fn refuse(&mut self, fault: Fault) {
        match self.fault {
            Some(earlier) if earlier.is_smuggling() || !fault.is_smuggling() => {}
            Some(_) | None => self.fault = Some(fault),
        }
    }

    /// Counts octets of the content; true if they are still wanted.
    pub(super) fn take(&mut self, octets: &[u8]) -> bool {
        self.summary.size = self.summary.size.saturating_add(octets.len() as u64);
        if self.summary.size > self.size_limit {
            self.refuse(Fault::TooBig);
        }
        if self.fault.is_some() {
            return false;
        }
        self.summary.eight_bit |= !octets.is_ascii();
        self.headers.observe(octets);
        if self.headers.hops() > self.hop_limit {
            self.refuse(Fault::Loop);
        }
        self.fault.is_none()
    }

    pub(super) fn end(&self) -> Result<Summary, Fault> {
        let summary = Summary {
            eight_bit_header: self.headers.eight_bit(),
            ..self.summary
        };
        self.fault.map_or(Ok(summary), Err)
    }
}
