//! `[router.srs]`: return paths of mail that an alias passes on
//! ([`message::srs`]).

use std::fs;
use std::io;
use std::path::PathBuf;

use message::Domain;
use message::srs::Rewriter;
use serde::{Deserialize, Serialize};

use crate::Config;
use crate::value::Span;

/// Whether and how return paths are rewritten: where there are secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Srs {
    /// Where rewritten return paths are; its mail must come here. The server's
    /// host name by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// The file with the secrets, one a line: the first signs, all of them
    /// verify. Without it nothing is rewritten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets_file: Option<PathBuf>,
    /// For how long notices are taken at a rewritten return path.
    pub max_age: Span,
}

impl Default for Srs {
    fn default() -> Self {
        Self {
            domain: None,
            secrets_file: None,
            max_age: Span::days(21),
        }
    }
}

/// Why there are no secrets to sign return paths with.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file cannot be read.
    #[error("cannot read the secrets {path:?} (router.srs.secrets_file): {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// There is nothing in it.
    #[error("{path:?} (router.srs.secrets_file) holds no secret; write one a line")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A secret that could be guessed.
    #[error(
        "{path:?} (router.srs.secrets_file), line {line}: a secret has at least {} characters",
        Srs::SECRET
    )]
    Short {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

impl Srs {
    /// The shortest secret, in octets.
    pub const SECRET: usize = 16;

    fn secrets(&self) -> Result<Vec<String>, SecretsError> {
        let Some(path) = self.secrets_file.clone() else {
            return Ok(Vec::new());
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) => return Err(SecretsError::Read { path, cause }),
        };
        let lines = (1..).zip(text.lines().map(str::trim));
        let given: Vec<_> = lines.filter(|(_, secret)| !secret.is_empty()).collect();
        if given.is_empty() {
            return Err(SecretsError::Empty { path });
        }
        if let Some((line, _)) = given.iter().find(|(_, secret)| secret.len() < Self::SECRET) {
            return Err(SecretsError::Short { path, line: *line });
        }
        let secrets = given.into_iter().map(|(_, secret)| secret.to_owned());
        Ok(secrets.collect())
    }
}

impl Config {
    /// What rewrites return paths, as `[router.srs]` says; none where it names
    /// no secrets.
    ///
    /// # Errors
    /// When the secrets cannot be had.
    pub fn rewriter(&self) -> Result<Option<Rewriter>, SecretsError> {
        let srs = &self.router.srs;
        let domain = srs.domain.as_ref().unwrap_or(&self.server.hostname);
        let secrets = srs.secrets()?;
        Ok(Rewriter::new(
            domain.clone(),
            secrets,
            srs.max_age.duration(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewriter(secrets: &str) -> Result<Option<Rewriter>, SecretsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        fs::write(&path, secrets).unwrap();
        let mut config = Config::default();
        config.server.hostname = "mail.example.org".parse().unwrap();
        config.router.srs.secrets_file = Some(path);
        config.rewriter()
    }

    #[test]
    fn secrets_turn_rewriting_on() {
        assert!(Config::default().rewriter().unwrap().is_none());
        let on = rewriter("\n0123456789abcdef  \nfedcba9876543210\n").unwrap();
        assert_eq!(on.unwrap().domain().as_str(), "mail.example.org");
    }

    #[test]
    fn what_is_wrong_with_secrets_is_said() {
        let refusal = |secrets| rewriter(secrets).map(|_| ()).unwrap_err().to_string();
        assert!(refusal(" \n").ends_with("holds no secret; write one a line"));
        assert!(
            refusal("0123456789abcdef\nshort")
                .ends_with("line 2: a secret has at least 16 characters")
        );
        let mut config = Config::default();
        config.router.srs.secrets_file = Some("/nonexistent/secrets".into());
        let refusal = config.rewriter().map(|_| ()).unwrap_err().to_string();
        assert!(refusal.contains("/nonexistent/secrets"), "{refusal}");
    }
}
