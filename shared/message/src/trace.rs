//! Where a span stands in its trace.

use std::fmt;
use std::str::FromStr;

use crate::id::MessageId;
use crate::serde_as_string;

/// The place in a trace that later work continues from, in the text form of
/// W3C Trace Context (`00-<trace>-<span>-<flags>`). Adapters of the bus carry
/// it in a header; the ledger keeps it with the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace, which is the message's id.
    pub trace: MessageId,
    /// The parent span; 0 where the trace has none yet.
    pub span: u64,
    /// Whether the trace is kept.
    pub sampled: bool,
}

/// Text that is not a W3C `traceparent` of version 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent of version 00")]
pub struct TraceContextError;

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{}-{:016x}-{:02x}",
            self.trace,
            self.span,
            u8::from(self.sampled)
        )
    }
}

impl FromStr for TraceContext {
    type Err = TraceContextError;

    fn from_str(text: &str) -> Result<Self, TraceContextError> {
        let mut parts = text.split('-');
        let mut next = |length: usize| {
            parts
                .next()
                .filter(|p| p.len() == length && p.bytes().all(|b| b.is_ascii_hexdigit()))
                .ok_or(TraceContextError)
        };
        let (version, trace, span, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        if version != "00" || parts.next().is_some() {
            return Err(TraceContextError);
        }
        Ok(Self {
            trace: trace.parse().map_err(|_| TraceContextError)?,
            span: u64::from_str_radix(span, 16).map_err(|_| TraceContextError)?,
            sampled: u8::from_str_radix(flags, 16).map_err(|_| TraceContextError)? & 1 == 1,
        })
    }
}

serde_as_string!(TraceContext);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparent_is_read_and_printed() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(
            text.parse::<TraceContext>().map(|c| c.to_string()),
            Ok(text.into())
        );
        for wrong in [
            "",
            "00-1-2-3",
            &text[1..],
            &format!("{text}-00"),
            &text.replace('f', "g"),
        ] {
            assert!(wrong.parse::<TraceContext>().is_err(), "{wrong:?}");
        }
    }
}
