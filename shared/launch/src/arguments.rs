//! The command line of a service's own process.

use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser};

/// A service of Rohrpost as a process of its own
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXIT)]
pub(crate) struct Arguments {
    /// The configuration file; any key can also come from the environment
    #[arg(long, value_name = "FILE", env = "ROHRPOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Ask the running service whether it is ready, at server.health, and exit
    #[arg(long)]
    pub(crate) health: bool,
}

const EXIT: &str = "Exit status: 0 drained, or ready; 1 failed, or not ready; 2 wrong usage; 74 a \
    disk failed; 78 wrong configuration.";

impl Arguments {
    /// What the process was called with; ends it where that is wrong usage.
    pub(crate) fn read(service: &'static str) -> Self {
        let matches = Self::command().name(service).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
        let arguments = Arguments::parse_from(["router", "--config", "/etc/x.toml", "--health"]);
        assert_eq!(arguments.config, Some("/etc/x.toml".into()));
        assert!(arguments.health);
    }
}
