//! The command lines of `rohrpost queue` and `rohrpost dead`.

use clap::{Args, Subcommand};
use config::Span;
use message::{Address, Destination, MessageId};
use web_gateway::api::{Selection, StateName};

/// What an operator asks of the queue.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueOrder {
    /// List open messages in the order of acceptance
    List {
        #[command(flatten)]
        selecting: Box<Selecting>,
    },
    /// Show an open message with its jobs
    Show {
        /// A message id or a job key
        id: String,
    },
    /// Tell why an open message waits, and until when
    Why {
        /// A message id or a job key
        id: String,
    },
    /// Watch what is in the queue, by state and destination
    Top {
        /// How often to look, such as 5s
        #[arg(long, value_name = "SPAN", default_value = "1s")]
        every: Span,
        /// How many destinations to show
        #[arg(long, value_name = "NUMBER", default_value_t = 20)]
        lines: usize,
        /// Print it once, as where the output is no terminal
        #[arg(long)]
        once: bool,
    },
    /// Try now what is deferred, waiting or dead
    Retry {
        #[command(flatten)]
        which: Which,
    },
    /// Stop what is pending, waiting or deferred until it is released
    Hold {
        #[command(flatten)]
        which: Which,
    },
    /// Let go on what is held
    Release {
        #[command(flatten)]
        which: Which,
    },
    /// Try now at another destination; not what is being worked on
    Redirect {
        /// A domain, or smarthost:HOST:PORT
        #[arg(long, value_name = "DESTINATION")]
        to: Destination,
        #[command(flatten)]
        which: Which,
    },
    /// Give up and tell the sender
    Bounce {
        #[command(flatten)]
        which: Which,
        /// Why, in one line that the sender reads
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Give up and tell nobody
    Delete {
        #[command(flatten)]
        which: Which,
        /// Why, in one line for `rohrpost trace`
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// What an operator asks of dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadOrder {
    /// List dead jobs, and what is buried on the bus
    List,
    /// Show a dead letter
    Show {
        /// A message id, a job key, or the number of what is buried
        id: String,
    },
    /// Give dead letters back to their topic, to be tried anew
    GiveBack {
        /// Message ids, job keys, or numbers of what is buried
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Settle dead letters: jobs are returned to the sender, octets forgotten
    Settle {
        /// Message ids, job keys, or numbers of what is buried
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// Delete jobs, and tell their sender nothing
        #[arg(long)]
        tell_nobody: bool,
        /// Why, in one line
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// Which jobs a command is for.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Message ids or job keys
    #[arg(
        value_name = "ID",
        required_unless_present = "all_matching",
        conflicts_with = "all_matching"
    )]
    pub(crate) ids: Vec<String>,
    /// All jobs that fit the options below, of which one must be given
    #[arg(long)]
    pub(crate) all_matching: bool,
    /// Do not ask before
    #[arg(long, requires = "all_matching")]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) selecting: Box<Selecting>,
}

/// Which part of the queue is meant; everything that is given must fit.
#[derive(Debug, Args)]
#[command(next_help_heading = "Only what fits")]
pub(crate) struct Selecting {
    /// This message
    #[arg(long, value_name = "ID")]
    message: Option<MessageId>,
    /// With this return path
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<Address>,
    /// To this recipient, as it was given or as it became
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<Address>,
    /// To this destination: local, a domain, or smarthost:HOST:PORT
    #[arg(long)]
    destination: Option<Destination>,
    /// In this state: pending, working, waiting, deferred, held or dead
    #[arg(long)]
    state: Option<StateName>,
    /// Accepted longer ago than that, such as 2h
    #[arg(long, value_name = "SPAN")]
    older_than: Option<Span>,
    /// Accepted not longer ago than that
    #[arg(long, value_name = "SPAN")]
    younger_than: Option<Span>,
    /// With this text in the last reply, in any case of letters
    #[arg(long, value_name = "TEXT")]
    last_reply: Option<String>,
}

impl From<Box<Selecting>> for Selection {
    fn from(selecting: Box<Selecting>) -> Self {
        Self {
            message: selecting.message,
            sender: selecting.sender,
            recipient: selecting.recipient,
            destination: selecting.destination,
            state: selecting.state,
            older_than: selecting.older_than,
            younger_than: selecting.younger_than,
            last_reply: selecting.last_reply,
        }
    }
}
