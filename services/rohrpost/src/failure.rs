//! Why a command failed, in words that say what to do, and as an exit status.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use web_gateway::api::Problem;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A process does not start, or a service of it failed.
    #[error("{0}")]
    Launch(#[from] launch::Error),
    /// A file or directory cannot be used.
    #[error("cannot {operation} {}: {cause}", path.display())]
    File {
        /// The operation, as a verb.
        operation: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// Another process has the data directory.
    #[error("{} is in use by another rohrpost{}", path.display(), by(holder))]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// The number of that process, where it says so.
        holder: Option<u32>,
    },
    /// The certificate cannot be made.
    #[error("cannot make a self-signed certificate for {host}: {reason}")]
    Certificate {
        /// For which host.
        host: String,
        /// Why not.
        reason: String,
    },
    /// The admin API cannot be reached.
    #[error(
        "cannot reach the admin API at {url}: {cause}\nis `rohrpost serve` running? --url names another server"
    )]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// Why not.
        cause: String,
    },
    /// The trace store cannot be asked, or does not know.
    #[error("cannot read the trace from {url}: {reason}\n--jaeger names another trace store")]
    Traces {
        /// Which one.
        url: String,
        /// Why not.
        reason: String,
    },
    /// There is no token to show.
    #[error(
        "{reason}\n`rohrpost serve` keeps the token in its data directory: use the same --data or --config, or name the file with --token-file"
    )]
    Token {
        /// What is wrong with the file.
        reason: String,
    },
    /// The server refused the token.
    #[error("the server refused the token in {}\nit belongs to another server or was replaced; --token-file names another file", path.display())]
    Unauthorized {
        /// The file.
        path: PathBuf,
    },
    /// The server refused the request.
    #[error("{0}")]
    Refused(Problem),
    /// The server answered something else than it should.
    #[error("the server at {url} answered what a rohrpost of this version does not: {reason}")]
    Answer {
        /// Which server.
        url: String,
        /// What it answered.
        reason: String,
    },
    /// The command line asks for something impossible.
    #[error("{0}")]
    Usage(String),
    /// The check found something wrong.
    #[error("the check found {findings} {}", if *findings == 1 { "fault" } else { "faults" })]
    Faults {
        /// How many.
        findings: u64,
    },
    /// Lines of a file could not be imported; each was told.
    #[error("{refused} {} could not be imported", if *refused == 1 { "line" } else { "lines" })]
    Lines {
        /// How many.
        refused: u64,
    },
    /// Lost messages could not be recovered; each was told.
    #[error("{left} {} not recovered", if *left == 1 { "message was" } else { "messages were" })]
    Left {
        /// How many.
        left: u64,
    },
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
}

fn by(holder: &Option<u32>) -> String {
    holder.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

impl Failure {
    /// The exit status, by the conventions of sysexits where they have one.
    const fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Faults { .. } => 3,
            Self::Unreachable { .. } | Self::Traces { .. } => 69,
            Self::Token { .. } | Self::Unauthorized { .. } => 77,
            Self::Launch(error) => error.status(),
            Self::File { .. }
            | Self::InUse { .. }
            | Self::Certificate { .. }
            | Self::Refused(_)
            | Self::Answer { .. }
            | Self::Lines { .. }
            | Self::Left { .. }
            | Self::Output(_) => 1,
        }
    }

    /// Whether nobody reads the output any more, as behind `| head`.
    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Says it on standard error.
    pub(crate) fn report(self) -> ExitCode {
        if !self.is_broken_pipe() {
            eprintln!("rohrpost: {self}");
        }
        ExitCode::from(self.status())
    }
}
