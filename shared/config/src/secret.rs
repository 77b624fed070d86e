//! Secrets: in the configuration itself, or in a file of their own.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};

/// A secret, written as text or as `{ file = "path" }`. It is never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a secret: text, or { file = \"path\" }"
)]
pub enum Secret {
    /// The secret itself.
    Text(String),
    /// Where to read it.
    File(SecretFile),
}

/// The file that holds a secret, as Docker and Kubernetes mount them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretFile {
    /// Its path.
    pub file: PathBuf,
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the secret in {path:?}: {cause}")]
pub struct SecretError {
    path: PathBuf,
    cause: io::Error,
}

impl Secret {
    /// The secret itself; of a file, its content without the last line end.
    ///
    /// Only the service that needs a secret reads it: the others need no
    /// permission for its file.
    ///
    /// # Errors
    /// When the file cannot be read as text.
    pub fn reveal(&self) -> Result<String, SecretError> {
        let path = match self {
            Self::Text(text) => return Ok(text.clone()),
            Self::File(SecretFile { file }) => file,
        };
        let text = fs::read_to_string(path).map_err(|cause| SecretError {
            path: path.clone(),
            cause,
        })?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(hidden)"),
            Self::File(file) => file.fmt(f),
        }
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(_) => to.serialize_str("(hidden)"),
            Self::File(file) => file.serialize(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Holder {
        token: Secret,
    }

    #[test]
    fn a_secret_is_text_or_a_file_and_never_printed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, "from the file\n").unwrap();
        let inline: Holder = toml::from_str("token = 'in place'").unwrap();
        let filed: Holder = toml::from_str(&format!("token = {{ file = {path:?} }}")).unwrap();
        assert_eq!(inline.token.reveal().unwrap(), "in place");
        assert_eq!(filed.token.reveal().unwrap(), "from the file");
        for printed in [
            format!("{:?}", inline.token),
            toml::to_string(&inline).unwrap(),
        ] {
            assert!(printed.contains("hidden") && !printed.contains("in place"));
        }
        assert!(toml::to_string(&filed).unwrap().contains("token\""));
    }

    #[test]
    fn an_unreadable_file_is_named() {
        let secret = Secret::File(SecretFile {
            file: "/nonexistent/secret".into(),
        });
        assert!(
            secret
                .reveal()
                .unwrap_err()
                .to_string()
                .contains("/nonexistent/secret")
        );
    }
}
