//! The labels of metrics.

use prometheus_client::encoding::EncodeLabelSet;

/// How a job from a topic ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobEnd {
    /// Its work is done.
    Completed,
    /// Its work failed or panicked; the ledger counts the try.
    Failed,
    /// It was given back: a shutdown, or a store that is away.
    Returned,
    /// It was no job.
    Buried,
}

impl JobEnd {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Returned => "returned",
            Self::Buried => "buried",
        }
    }
}

/// What publishing a job came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Publication {
    /// The topic has it.
    Taken,
    /// The topic is full.
    Refused,
    /// The bus is away.
    Failed,
}

impl Publication {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// Why a message was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The client was told 4xx.
    Temporary,
    /// The client was told 5xx.
    Permanent,
}

impl Refusal {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Temporary => "temporary",
            Self::Permanent => "permanent",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Way {
    pub(crate) protocol: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Refused {
    pub(crate) kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Ended {
    pub(crate) verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OnTopic {
    pub(crate) topic: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Handled {
    pub(crate) topic: &'static str,
    pub(crate) end: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Published {
    pub(crate) topic: &'static str,
    pub(crate) result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfKind {
    pub(crate) kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct InState {
    pub(crate) state: &'static str,
}
