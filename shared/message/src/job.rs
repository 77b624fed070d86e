//! Jobs: a message's work for one stage and destination, and how they are
//! named on topics and in the ledger.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::Domain;
use crate::id::MessageId;
use crate::serde_as_string;

/// A tube of the pipeline. Topics are hints: transport and load balancing,
/// never the only place where something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// A message was taken into responsibility; the router reads it.
    Accepted,
    /// A message waits for local mailboxes; local-delivery reads it.
    Local,
    /// A message waits for one destination; remote-relay reads it.
    Remote,
    /// A sender may have to hear of something; dsn-notifier reads it.
    Outcome,
    /// A job that could not be decoded; an operator reads it.
    Dead,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 5] = [
        Self::Accepted,
        Self::Local,
        Self::Remote,
        Self::Outcome,
        Self::Dead,
    ];

    /// Its name on the broker, in traces and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "mail.accepted",
            Self::Local => "mail.local",
            Self::Remote => "mail.remote",
            Self::Outcome => "mail.outcome",
            Self::Dead => "mail.dead",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which part of a message's work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Deciding for each recipient; on `mail.accepted`.
    Route,
    /// One of the jobs the routing made; on `mail.local` or `mail.remote`.
    Work(u32),
    /// Telling the sender; on `mail.outcome`.
    Notice,
}

/// The name of a job: `<message id>.route`, `<message id>.<n>` or
/// `<message id>.notice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey {
    /// The message the job belongs to.
    pub message: MessageId,
    /// Which of its jobs.
    pub part: Part,
}

/// Text that is not a [`JobKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a job key: a message id, a dot, and `route`, `notice` or a number")]
pub struct JobKeyError;

impl JobKey {
    /// The routing of `message`.
    pub const fn route(message: MessageId) -> Self {
        Self {
            message,
            part: Part::Route,
        }
    }

    /// The notices of `message`.
    pub const fn notice(message: MessageId) -> Self {
        Self {
            message,
            part: Part::Notice,
        }
    }

    /// Job `n` of the routing of `message`.
    pub const fn work(message: MessageId, n: u32) -> Self {
        Self {
            message,
            part: Part::Work(n),
        }
    }
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Route => write!(f, "{}.route", self.message),
            Part::Notice => write!(f, "{}.notice", self.message),
            Part::Work(n) => write!(f, "{}.{n}", self.message),
        }
    }
}

impl FromStr for JobKey {
    type Err = JobKeyError;

    fn from_str(text: &str) -> Result<Self, JobKeyError> {
        let (message, part) = text.split_once('.').ok_or(JobKeyError)?;
        let message = message.parse().map_err(|_| JobKeyError)?;
        let part = match part {
            "route" => Part::Route,
            "notice" => Part::Notice,
            n => Part::Work(n.parse().map_err(|_| JobKeyError)?),
        };
        Ok(Self { message, part })
    }
}

/// Where a work job leads, and by which limits and backoff it is governed.
/// Its text form is a key in the store and an attribute in traces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// Mailboxes of this system: `local`.
    Local,
    /// The servers that DNS names for a domain: `example.org`; one that is itself
    /// called local has the root's dot behind it, `local.`.
    Domain(Domain),
    /// A fixed next server: `smarthost:relay.example:587`.
    Smarthost {
        /// Its host name or address literal.
        host: Domain,
        /// Its TCP port.
        port: u16,
    },
}

impl Destination {
    /// The topic of the jobs that lead there.
    pub const fn topic(&self) -> Topic {
        match self {
            Self::Local => Topic::Local,
            Self::Domain(_) | Self::Smarthost { .. } => Topic::Remote,
        }
    }
}

/// The text of [`Destination::Local`].
const LOCAL: &str = "local";

/// Text that is not a [`Destination`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a destination: `local`, a domain, or `smarthost:HOST:PORT`")]
pub struct DestinationError;

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str(LOCAL),
            Self::Domain(domain) if domain.as_str() == LOCAL => write!(f, "{domain}."),
            Self::Domain(domain) => write!(f, "{domain}"),
            Self::Smarthost { host, port } => write!(f, "smarthost:{host}:{port}"),
        }
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        if text == LOCAL {
            return Ok(Self::Local);
        }
        match text.strip_prefix("smarthost:") {
            None => {
                let domain = text.strip_suffix('.').unwrap_or(text).parse();
                domain.map(Self::Domain).map_err(|_| DestinationError)
            }
            Some(smarthost) => {
                let (host, port) = smarthost.rsplit_once(':').ok_or(DestinationError)?;
                Ok(Self::Smarthost {
                    host: host.parse().map_err(|_| DestinationError)?,
                    port: port.parse().map_err(|_| DestinationError)?,
                })
            }
        }
    }
}

serde_as_string!(JobKey, Destination);

/// A job as it travels on a topic: a hint that there is work, checked against
/// the ledger by whoever takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Which job.
    pub key: JobKey,
    /// The job's generation when it was published; a job whose generation in
    /// the ledger differs is complete without work.
    pub generation: u32,
}

/// Why octets from a topic are not a job.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Not the JSON of a job.
    #[error("not a job: {0}")]
    Json(#[from] serde_json::Error),
    /// A job of another version of the format.
    #[error("a job of version {0}, but this Rohrpost reads version 1")]
    Version(u32),
}

#[derive(Serialize, Deserialize)]
struct Versioned {
    v: u32,
    #[serde(flatten)]
    job: Job,
}

impl Job {
    /// The job as JSON with its version, at most 200 octets.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(&Versioned { v: 1, job: *self }).unwrap_or_default()
    }

    /// Reads what [`Job::encode`] wrote.
    ///
    /// # Errors
    /// When the octets are no job, or one of another version.
    pub fn decode(octets: &[u8]) -> Result<Self, JobError> {
        let versioned: Versioned = serde_json::from_slice(octets)?;
        match versioned.v {
            1 => Ok(versioned.job),
            other => Err(JobError::Version(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_job_is_small_json_with_a_version() {
        let job = Job {
            key: JobKey::work(MessageId::from_bits(0x1234), 3),
            generation: 2,
        };
        let text = String::from_utf8(job.encode()).unwrap();
        assert_eq!(
            text,
            r#"{"v":1,"key":"00000000000000000000000000001234.3","generation":2}"#
        );
        assert!(matches!(
            Job::decode(text.replace("\"v\":1", "\"v\":9").as_bytes()),
            Err(JobError::Version(9))
        ));
        assert!(matches!(Job::decode(b"{}"), Err(JobError::Json(_))));
    }

    #[test]
    fn destinations_are_read_and_printed() {
        for text in [
            "local",
            "example.org",
            "smarthost:relay.example:587",
            "smarthost:[IPv6:::1]:25",
            "local.",
        ] {
            assert_eq!(
                text.parse::<Destination>().map(|d| d.to_string()),
                Ok(text.into())
            );
        }
        // A recipient may name any domain: this one must not pass for ours.
        let domain = Destination::Domain("LOCAL".parse().unwrap());
        assert_eq!(domain.to_string().parse(), Ok(domain));
        assert!("smarthost:relay.example".parse::<Destination>().is_err());
    }

    proptest! {
        #[test]
        fn jobs_survive_the_wire(bits: u128, n: u32, kind in 0..3, generation: u32) {
            let message = MessageId::from_bits(bits);
            let key = match kind {
                0 => JobKey::route(message),
                1 => JobKey::notice(message),
                _ => JobKey::work(message, n),
            };
            let job = Job { key, generation };
            prop_assert_eq!(Job::decode(&job.encode()).unwrap(), job);
        }

        #[test]
        fn no_octets_make_the_decoder_panic(octets: Vec<u8>) {
            let _ = Job::decode(&octets);
        }
    }
}
