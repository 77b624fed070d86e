//! The names of attributes, after OpenTelemetry's semantic conventions where
//! they have one, under `rohrpost.` where they do not.

/// The name of an attribute.
pub type Name = &'static str;

/// Rohrpost's id of the message.
pub const MESSAGE_ID: Name = "rohrpost.message.id";
/// The key of the job.
pub const JOB: Name = "rohrpost.job.key";
/// The generation of the job when it was published.
pub const GENERATION: Name = "rohrpost.job.generation";
/// Where a job leads: a domain, a smarthost or `local`.
pub const DESTINATION: Name = "rohrpost.destination";
/// What became of the work.
pub const OUTCOME: Name = "rohrpost.outcome";
/// How many recipients the work was about.
pub const RECIPIENTS: Name = "rohrpost.recipients";
/// How many attempts there have been, this one included.
pub const ATTEMPT: Name = "rohrpost.attempt";
/// The account a mailbox belongs to.
pub const ACCOUNT: Name = "rohrpost.account";
/// The size of the content in octets.
pub const SIZE: Name = "rohrpost.content.size";
/// The kind of a notice.
pub const NOTICE: Name = "rohrpost.notice.kind";
/// The return path; only where `telemetry.addresses` says so.
pub const RETURN_PATH: Name = "rohrpost.return_path";
/// A recipient; only where `telemetry.addresses` says so.
pub const RECIPIENT: Name = "rohrpost.recipient";

/// The code of an SMTP reply.
pub const SMTP_REPLY: Name = "rohrpost.smtp.reply.code";
/// The enhanced status code of an SMTP reply.
pub const SMTP_STATUS: Name = "rohrpost.smtp.reply.status";
/// How a message was received, in the words of RFC 3848.
pub const SMTP_PROTOCOL: Name = "rohrpost.smtp.protocol";

/// The messaging system.
pub const MESSAGING_SYSTEM: Name = "messaging.system";
/// The topic.
pub const MESSAGING_DESTINATION: Name = "messaging.destination.name";
/// The kind of operation on the topic: `send` or `process`.
pub const MESSAGING_OPERATION_TYPE: Name = "messaging.operation.type";
/// What we call the operation.
pub const MESSAGING_OPERATION: Name = "messaging.operation.name";
/// What names the job on the topic.
pub const MESSAGING_MESSAGE_ID: Name = "messaging.message.id";

/// The host we spoke to, by name.
pub const SERVER_ADDRESS: Name = "server.address";
/// The port we spoke to.
pub const SERVER_PORT: Name = "server.port";
/// The address at the other end.
pub const PEER_ADDRESS: Name = "network.peer.address";
/// The port at the other end.
pub const PEER_PORT: Name = "network.peer.port";
/// The protocol spoken, such as `smtp`.
pub const NETWORK_PROTOCOL: Name = "network.protocol.name";
/// The version of TLS.
pub const TLS_VERSION: Name = "tls.protocol.version";
/// The cipher suite of TLS.
pub const TLS_CIPHER: Name = "tls.cipher";
/// The name a resolver was asked for.
pub const DNS_QUESTION: Name = "dns.question.name";
/// The kind of failure.
pub const ERROR_TYPE: Name = "error.type";
