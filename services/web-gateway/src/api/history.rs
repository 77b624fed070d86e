//! All that is known of a message: `rohrpost trace` tells it in words.

use std::net::IpAddr;

use message::{AccountId, Address, ContentId, MessageId, NoticeKind, ReversePath, Timestamp};
use serde::{Deserialize, Serialize};
use store::directory::Via;
use store::ledger::{self, Why};
use utoipa::ToSchema;

use super::{Job, Outcome};

/// The life of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// Its id, which is also the id of its trace.
    #[schema(value_type = String)]
    pub message: MessageId,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub accepted_at: Timestamp,
    /// How it came.
    pub transaction: Transaction,
    /// Its return path, `<>` where it is null.
    #[schema(value_type = String)]
    pub return_path: ReversePath,
    /// Its recipients; others refer to them by index.
    pub recipients: Vec<Recipient>,
    /// The sender's own name for it (ENVID).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope_id: Option<String>,
    /// Its size in octets.
    pub size: u64,
    /// Where its octets are.
    #[schema(value_type = String)]
    pub content: ContentId,
    /// Of which message it is a notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_of: Option<NoticeOf>,
    /// What was decided for each recipient; absent until it is routed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions: Option<Vec<Decision>>,
    /// The jobs that followed.
    pub jobs: Vec<Job>,
    /// Its routing job until it is routed, and its notice job when held or dead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chores: Vec<Job>,
    /// The notices to its sender, in order.
    pub notices: Vec<Notice>,
    /// When nothing was left to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
}

impl History {
    /// The history as the ledger has it; `account` is the address of the account
    /// that submitted the message, where it still exists.
    pub(crate) fn new(history: ledger::History, account: Option<Address>) -> Self {
        let acceptance = history.entry.acceptance;
        let envelope = acceptance.envelope;
        let decided = |route: ledger::Route| route.decisions.into_iter().map(Decision::from);
        Self {
            message: acceptance.message,
            accepted_at: history.entry.accepted_at,
            transaction: Transaction::new(envelope.transaction, account),
            return_path: envelope.return_path,
            recipients: envelope
                .recipients
                .into_iter()
                .map(Recipient::from)
                .collect(),
            envelope_id: envelope.envelope_id.map(|id| id.to_string()),
            size: acceptance.size,
            content: acceptance.content,
            notice_of: acceptance.notice_of.map(NoticeOf::from),
            decisions: history.route.map(|route| decided(route).collect()),
            jobs: history.jobs.into_iter().map(Job::from).collect(),
            chores: history.chores.into_iter().map(Job::from).collect(),
            notices: history.notices.into_iter().map(Notice::from).collect(),
            closed_at: history.closed_at,
        }
    }
}

/// How a message came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transaction {
    /// The keyword of `Received:` (RFC 3848): `ESMTPSA`, `HTTP`; `LOCAL` for our
    /// own notices.
    pub protocol: String,
    /// The client's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub client: Option<IpAddr>,
    /// The name it gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helo: Option<String>,
    /// The account that submitted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub account: Option<AccountId>,
    /// That account's address now, where it still exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub account_address: Option<Address>,
    /// TLS version and cipher suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
}

impl Transaction {
    fn new(transaction: message::Transaction, account_address: Option<Address>) -> Self {
        Self {
            protocol: transaction.protocol.to_string(),
            client: transaction.client,
            helo: transaction.helo,
            account: transaction.account,
            account_address,
            tls: transaction.tls,
        }
    }
}

/// One RCPT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recipient {
    /// The forward path.
    #[schema(value_type = String)]
    pub address: Address,
    /// When the sender wants to hear: a list of `success`, `failure` and
    /// `delay`, or nothing.
    pub notify: Vec<String>,
    /// The recipient as the sender first wrote it (ORCPT).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orcpt: Option<String>,
}

impl From<message::Recipient> for Recipient {
    fn from(recipient: message::Recipient) -> Self {
        let notify = recipient.notify;
        let wanted = [
            (notify.wants_success(), NoticeKind::Success),
            (notify.wants_failure(), NoticeKind::Failure),
            (notify.wants_delay(), NoticeKind::Delay),
        ];
        Self {
            address: recipient.address,
            notify: wanted
                .into_iter()
                .filter(|(wanted, _)| *wanted)
                .map(|(_, kind)| kind.to_string())
                .collect(),
            orcpt: recipient.orcpt.map(|orcpt| orcpt.to_string()),
        }
    }
}

/// Which message a notice tells about, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeOf {
    /// That message.
    #[schema(value_type = String)]
    pub message: MessageId,
    /// `delay`, `failure` or `success`.
    #[schema(value_type = String)]
    pub kind: NoticeKind,
}

impl From<ledger::NoticeOf> for NoticeOf {
    fn from(notice: ledger::NoticeOf) -> Self {
        let ledger::NoticeOf { message, kind } = notice;
        Self { message, kind }
    }
}

/// What was decided for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// Its index among the recipients.
    pub original: u32,
    /// Why.
    pub why: Reason,
    /// The aliases followed, the recipient itself first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub chain: Vec<Address>,
    /// Where to; absent where the recipient ended here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub to: Option<Address>,
    /// What it came to, where that is settled with the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

impl From<ledger::Decision> for Decision {
    fn from(decision: ledger::Decision) -> Self {
        Self {
            original: decision.original,
            why: decision.why.into(),
            chain: decision.chain,
            to: decision.to,
            outcome: decision.outcome.map(Outcome::from),
        }
    }
}

/// Why a recipient goes where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// An account here has the very address.
    Account,
    /// An account here has the address without its `+detail`.
    Subaddress,
    /// `postmaster` and `abuse` go to the domain's postmaster.
    Postmaster,
    /// The domain's catch-all takes what nobody has.
    CatchAll,
    /// The servers that DNS names for the domain.
    Dns,
    /// A configured smarthost.
    Smarthost,
    /// It has become other recipients.
    Expanded,
    /// It cannot be routed; the outcome says why.
    Unroutable,
}

impl From<Why> for Reason {
    fn from(why: Why) -> Self {
        match why {
            Why::Account(Via::Exact) => Self::Account,
            Why::Account(Via::Subaddress) => Self::Subaddress,
            Why::Account(Via::Postmaster) => Self::Postmaster,
            Why::Account(Via::CatchAll) => Self::CatchAll,
            Why::Dns => Self::Dns,
            Why::Smarthost => Self::Smarthost,
            Why::Expanded => Self::Expanded,
            Why::Unroutable => Self::Unroutable,
        }
    }
}

/// A notice to the sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// Its own message id.
    #[schema(value_type = String)]
    pub id: MessageId,
    /// `delay`, `failure` or `success`.
    #[schema(value_type = String)]
    pub kind: NoticeKind,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Whether it is on its way; otherwise it is about to be.
    pub accepted: bool,
}

impl From<ledger::NoticeRecord> for Notice {
    fn from(record: ledger::NoticeRecord) -> Self {
        let ledger::NoticeRecord {
            id,
            kind,
            at,
            accepted,
        } = record;
        Self {
            id,
            kind,
            at,
            accepted,
        }
    }
}
