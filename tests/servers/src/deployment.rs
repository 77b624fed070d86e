//! What `deploy/` gives to brokers: the test's passwords in its files.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Passwords for every user of `deploy/`, as files in a directory.
#[derive(Debug)]
pub struct Secrets(TempDir);

impl Secrets {
    /// Writes a password of its own for each of `users`.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn of(users: &[&str]) -> io::Result<Self> {
        let secrets = Self(TempDir::with_prefix("secrets-")?);
        for user in users {
            let mut fresh = [0_u8; 16];
            getrandom::fill(&mut fresh).map_err(io::Error::other)?;
            let password = u128::from_be_bytes(fresh);
            std::fs::write(secrets.file(user), format!("{password:032x}\n"))?;
        }
        Ok(secrets)
    }

    /// The file with the password of `user` on the bus.
    pub fn file(&self, user: &str) -> PathBuf {
        self.0.path().join(format!("bus-{user}"))
    }

    /// The URL of a broker for `user`.
    pub fn url(&self, broker: &str, user: &str) -> String {
        let url = broker.replace("://", &format!("://{user}@"));
        format!("{url}?password_file={}", self.file(user).display())
    }

    /// A file of `deploy/`.
    pub(crate) fn deploy(&self, path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../deploy")
            .join(path)
    }

    /// What a script of `deploy/` makes of the passwords.
    pub(crate) fn printed_by(&self, script: &str) -> io::Result<Vec<u8>> {
        let output = Command::new(self.deploy(script))
            .arg(self.0.path())
            .output()?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(io::Error::other(format!("{script}: {said}")))
            }
        }
    }
}
