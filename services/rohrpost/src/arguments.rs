//! The command line.

mod check;
mod queue;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use config::Size;
use message::{Address, Domain, MessageId};
use store::mailbox::MailboxName;
use web_gateway::api::AccountName;

pub(crate) use check::{CheckOrder, Chosen};
pub(crate) use queue::{DeadOrder, QueueOrder, Which};

/// A message server built like the tube posts of old cities.
#[derive(Debug, Parser)]
#[command(name = "rohrpost", version, max_term_width = 100, after_help = EXIT)]
pub struct Arguments {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXIT: &str = "Exit status: 0 done; 1 refused or failed; 2 wrong usage; 3 the check found \
    faults; 69 the server cannot be reached; 77 no valid token; 78 wrong configuration.";

/// Which server, and how it is spoken of.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server and output")]
pub(crate) struct Place {
    /// The configuration file; without one the defaults hold
    #[arg(long, global = true, value_name = "FILE", env = "ROHRPOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The data directory, ./rohrpost-data if the configuration does not say otherwise
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print JSON, one object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The admin API of another server, such as https://mail.example.org
    #[arg(long, global = true, value_name = "URL", env = "ROHRPOST_URL")]
    pub(crate) url: Option<String>,
    /// The file with the administrator's token
    #[arg(long, global = true, value_name = "FILE", env = "ROHRPOST_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run all services in this process (the default)
    Serve {
        /// First say that an older copy of the store was put in place
        #[arg(long)]
        restored: bool,
    },
    /// Prepare broker and store for this version, with an administrator's credentials
    Init {
        /// Also make a self-signed certificate where tls.certificate names no file
        #[arg(long)]
        certificate: bool,
    },
    #[command(flatten)]
    Operate(Order),
}

/// What an operator asks for.
#[derive(Debug, Subcommand)]
pub(crate) enum Order {
    /// Domains whose recipients live here
    #[command(subcommand)]
    Domain(DomainOrder),
    /// Accounts: credentials and mailboxes of a user
    #[command(subcommand)]
    Account(AccountOrder),
    /// Names that stand for other addresses
    #[command(subcommand)]
    Alias(AliasOrder),
    /// Mailboxes of an account
    #[command(subcommand)]
    Mailbox(MailboxOrder),
    /// Messages in a mailbox
    #[command(subcommand)]
    Message(MessageOrder),
    /// Messages that are not settled yet
    #[command(subcommand)]
    Queue(QueueOrder),
    /// Dead letters: jobs that nobody got a result of, octets that were no job
    #[command(subcommand)]
    Dead(DeadOrder),
    /// Tell the life of a message
    Trace {
        /// The message id, as in the 250 reply, in Received: and in logs
        message: MessageId,
        /// Draw its trace instead, as Jaeger has it
        #[arg(long)]
        tree: bool,
        /// Jaeger's address, for --tree
        #[arg(
            long,
            value_name = "URL",
            env = "ROHRPOST_JAEGER",
            default_value = "http://127.0.0.1:16686"
        )]
        jaeger: String,
    },
    /// Check that nothing is lost: counts, references, mailboxes, content; recover what is
    Check(CheckOrder),
    /// The configuration
    #[command(subcommand)]
    Config(ConfigOrder),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DomainOrder {
    /// Add a domain
    Add {
        domain: Domain,
        /// Who reads mail to postmaster and abuse
        #[arg(long, value_name = "ADDRESS")]
        postmaster: Address,
        /// Who gets mail to recipients that do not exist; they are refused without
        #[arg(long, value_name = "ADDRESS")]
        catch_all: Option<Address>,
    },
    /// List domains
    List,
    /// Print what DNS should say of a domain, as lines of its zone
    DnsRecords { domain: Domain },
    /// Remove a domain that has neither accounts nor aliases
    Remove { domain: Domain },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountOrder {
    /// Create an account
    Add {
        /// Its address, which is also its login name
        address: Address,
        /// The file whose first line is the password; - reads standard input
        #[arg(long, value_name = "FILE")]
        password_file: PathBuf,
        /// How much it may hold, such as 2GiB; unlimited without
        #[arg(long, value_name = "SIZE")]
        quota: Option<Size>,
        /// How many messages it may hold; unlimited without
        #[arg(long, value_name = "MESSAGES")]
        message_quota: Option<u64>,
    },
    /// Create accounts out of a CSV file; those that are there stay as they are
    Import {
        /// Its first line names columns: address, and password, hash (argon2), quota or
        /// message_quota
        file: PathBuf,
    },
    /// List accounts
    List,
    /// Remove an account with all its mail
    Remove {
        /// Its address; or its id, to end a removal that was broken off
        #[arg(value_name = "ADDRESS|ID")]
        account: AccountName,
    },
    /// Set an account's password
    Password {
        /// Its address, which is also its login name
        address: Address,
        /// The file whose first line is the password; - reads standard input
        #[arg(long, value_name = "FILE")]
        password_file: PathBuf,
    },
    /// Set how much an account may hold
    Quota {
        address: Address,
        /// Such as 2GiB; unlimited without
        quota: Option<Size>,
        /// How many messages it may hold; unlimited without
        #[arg(long, value_name = "MESSAGES")]
        message_quota: Option<u64>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AliasOrder {
    /// Add an alias
    Add {
        address: Address,
        /// Where its mail goes
        #[arg(required = true, value_name = "TARGET")]
        targets: Vec<Address>,
    },
    /// List aliases
    List,
    /// Remove an alias
    Remove { address: Address },
}

#[derive(Debug, Subcommand)]
pub(crate) enum MailboxOrder {
    /// List the mailboxes of an account
    List { address: Address },
    /// Import messages; what was imported before is not imported again
    Import {
        address: Address,
        /// A Maildir or an mbox file; a journal is kept beside it
        source: PathBuf,
        /// Which mailbox; it is made where it is missing
        #[arg(long, value_name = "NAME", default_value = "INBOX")]
        mailbox: MailboxName,
    },
    /// Export messages; what was exported before is not exported again
    Export {
        address: Address,
        /// The Maildir or mbox file
        into: PathBuf,
        /// Which mailbox
        #[arg(long, value_name = "NAME", default_value = "INBOX")]
        mailbox: MailboxName,
        /// In which form
        #[arg(long, value_enum, default_value_t = Format::Maildir)]
        format: Format,
    },
}

/// How messages are kept in files.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Format {
    /// A file for each
    Maildir,
    /// One file for all
    Mbox,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MessageOrder {
    /// List the messages of a mailbox
    List {
        address: Address,
        /// Which mailbox
        #[arg(long, value_name = "NAME", default_value = "INBOX")]
        mailbox: MailboxName,
    },
    /// Show a message
    Show {
        address: Address,
        /// Its UID, as listed
        uid: u32,
        /// Which mailbox
        #[arg(long, value_name = "NAME", default_value = "INBOX")]
        mailbox: MailboxName,
        /// Its octets, as a mail client would get them
        #[arg(long)]
        raw: bool,
    },
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ConfigOrder {
    /// Say whether the configuration is right
    Check,
    /// Print the configuration with all defaults; secrets are hidden
    Show,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves() {
        let arguments = Arguments::parse_from(["rohrpost", "--data", "/tmp/x"]);
        assert!(arguments.command.is_none());
        let arguments = Arguments::parse_from(["rohrpost", "queue", "list", "--json"]);
        assert!(arguments.place.json);
        assert!(matches!(
            arguments.command,
            Some(Command::Operate(Order::Queue(QueueOrder::List { .. })))
        ));
    }
}
