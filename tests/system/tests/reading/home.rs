//! Where a client lives.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use system::{DEADLINE, House};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

/// A home with nothing in it but what a test puts there.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(TempDir::with_prefix("rohrpost-client-")?))
    }

    /// Where `name` is in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file that nobody else may read: clients demand it of passwords.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(path)
    }

    /// A client that finds its settings here and nowhere else.
    pub(crate) fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("HOME", self.0.path())
            .env("LANG", "C.UTF-8")
            .env_remove("LC_ALL")
            .env_remove("XDG_CONFIG_HOME")
            .current_dir(self.0.path());
        command
    }
}

/// Runs a client to its end; what it wrote.
pub(crate) async fn run(command: &mut Command) -> Result<Vec<u8>> {
    run_within(DEADLINE, command).await
}

/// As [`run`], with a deadline of its own.
pub(crate) async fn run_within(most: Duration, command: &mut Command) -> Result<Vec<u8>> {
    command.kill_on_drop(true).stdin(Stdio::null());
    let output = timeout(most, command.output()).await;
    let output = output.with_context(|| format!("{command:?} takes too long"))??;
    ensure!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}

/// A Python program that stands beside the tests.
pub(crate) fn python(name: &str) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reading");
    let mut command = Command::new("python3");
    command.arg(folder.join(name));
    command
}

/// The certificate of a house, which services in processes of their own are given.
pub(crate) fn certificate(house: &House) -> PathBuf {
    let given = house.data().join("certificate.pem");
    match given.exists() {
        true => given,
        false => house.data().join("tls-certificate.pem"),
    }
}

/// The number of a port, as an argument.
pub(crate) fn port(at: SocketAddr) -> String {
    at.port().to_string()
}
