//! The command line of `check`.

use std::str::FromStr;

use clap::Args;
use message::{Address, MessageId};

/// What is to be checked, or done about it.
#[derive(Debug, Args)]
pub(crate) struct CheckOrder {
    /// For how long content may be there without a reference, in seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) grace: Option<u32>,
    /// List messages that the store has lost, as after a restore: content without an entry
    #[arg(long)]
    pub(crate) recover: bool,
    /// Accept these again, or `all`; who has a message already gets no second copy here
    #[arg(long, value_name = "MESSAGE|all", num_args = 1.., requires = "recover")]
    pub(crate) deliver: Vec<Chosen>,
    /// To these addresses, in the place of those that they came for
    #[arg(long, value_name = "ADDRESS", requires = "deliver")]
    pub(crate) to: Vec<Address>,
    /// Only to recipients here: servers elsewhere may have got them
    #[arg(long, requires = "deliver", conflicts_with = "to")]
    pub(crate) only_here: bool,
    /// Say that what was lost is seen to: the sweep goes on
    #[arg(long, conflicts_with_all = ["grace", "recover", "restored"])]
    pub(crate) confirm: bool,
    /// Say that an older copy of the store was put in place: numbers of mailboxes jump
    #[arg(long, conflicts_with_all = ["grace", "recover"])]
    pub(crate) restored: bool,
}

/// A choice of lost messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chosen {
    All,
    One(MessageId),
}

impl FromStr for Chosen {
    type Err = <MessageId as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self::All),
            id => id.parse().map(Self::One),
        }
    }
}
