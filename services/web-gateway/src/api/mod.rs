//! What travels over the admin API: JSON bodies as types, for the server and for
//! its client, the operator's command line.
//!
//! Names and shapes here are the promise of `/api/v1`; what the store keeps may
//! change without them. Request bodies refuse unknown members.

mod account_import;
mod check;
mod dead;
mod directory;
mod explanation;
mod history;
mod intervention;
mod job;
mod load;
mod mailbox;
mod page;
mod problem;
mod queue;
mod recovery;
mod secret;
mod selection;

pub use account_import::{
    AccountImport, AccountsImported, Credentials, ImportedAccount, RefusedAccount,
};
pub use check::{CheckLine, CheckSummary, Finding, FindingKind};
pub use dead::DeadLetter;
pub use directory::{
    Account, AccountName, AccountNameError, Alias, DnsRecord, Domain, DomainChange, NewAccount,
    PasswordChange, QuotaChange,
};
pub use explanation::{Explanation, JobExplanation, PublicationState};
pub use history::{Decision, History, Notice, NoticeOf, Reason, Recipient, Transaction};
pub use intervention::{
    Action, Intervened, InterventionReason, JobIntervened, Redirection, SweepingIntervention, Swept,
};
pub use job::{Attempt, Job, JobRecipient, JobState, Outcome, Verdict};
pub use load::{DestinationLoad, LastReply, Load, LoadQuery};
pub use mailbox::{HeaderField, ImportedMessage, Mailbox, Message, MessageSummary, NewMailbox};
pub(crate) use mailbox::{flag_name, parse_flag};
pub use page::{Page, PageQuery};
pub use problem::Problem;
pub use queue::{Counts, Destination, QueueItem, TopicDepth};
pub use recovery::{
    Confirmation, LostLine, LostMessage, LostSummary, Recovered, Recovery, Standing,
};
pub use secret::Password;
pub use selection::{QueueQuery, Selection, StateName, StateNameError};

/// Where the API begins; a version of it stays as it is.
pub const ROOT: &str = "/api/v1";
