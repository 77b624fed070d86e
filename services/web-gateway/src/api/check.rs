//! What the integrity check reports: how the store stands, a line of JSON for each
//! finding as it is met, and one at the end.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Counts, Standing};

/// A line of the check's report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "line", rename_all = "lowercase")]
pub enum CheckLine {
    /// How the store stands; always the first line.
    Standing(Standing),
    /// Something is wrong.
    Finding(Finding),
    /// The check is through; always the last line.
    Summary(CheckSummary),
    /// The check could not go on; always the last line.
    Aborted {
        /// Why.
        reason: String,
    },
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// Which promise is broken.
    pub kind: FindingKind,
    /// By what: a message, a content, an account, a mailbox.
    pub subject: String,
    /// What was seen.
    pub detail: String,
}

/// The promises that are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// An operator has seen to what the store may have lost.
    Unsettled,
    /// accepted = settled + in flight, and in flight is what the queue lists.
    Counts,
    /// An open message has its content.
    MessageWithoutContent,
    /// A reference leads to content that is there.
    ReferenceWithoutContent,
    /// A reference is held by someone who needs it.
    ReferenceWithoutHolder,
    /// An entry of a mailbox has its content.
    EntryWithoutContent,
    /// The content of a mailbox's entry is referred to.
    EntryWithoutReference,
    /// Content that nobody refers to is reclaimed in time.
    ContentWithoutReference,
    /// Stored octets are what was written.
    ContentDamaged,
    /// A mailbox holds what its counts say, and belongs to an account.
    Mailbox,
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckSummary {
    /// The counts of the ledger at the end.
    pub counts: Counts,
    /// Open messages looked at.
    pub open_messages: u64,
    /// References looked at.
    pub references: u64,
    /// References of accounts to young contents that they do not show: these may
    /// yet be appended, or wait for the sweep to give them back.
    #[serde(default)]
    pub unclaimed: u64,
    /// Contents looked at.
    pub contents: u64,
    /// Contents that nobody refers to but that may yet be young, or wait to be
    /// reclaimed.
    pub unreferenced: u64,
    /// Accounts looked at.
    pub accounts: u64,
    /// Entries of mailboxes looked at.
    pub entries: u64,
    /// Findings, including those beyond the limit that were only counted.
    pub findings: u64,
}
