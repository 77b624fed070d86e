//! The broker and the Redis that a house stands on, which tests kill, freeze and put
//! back to what they were.

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::{House, Server};

impl House {
    /// Ends a server that the house stands on as a power cut would.
    ///
    /// # Errors
    /// When all of the house is one process.
    pub fn kill_server(&mut self, server: Server) -> Result<()> {
        let engines = self.engines.as_mut().context("no servers of its own")?;
        engines.kill(server);
        Ok(())
    }

    /// Starts such a server again on what it left on disk.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn resume_server(&mut self, server: Server) -> Result<()> {
        let engines = self.engines.as_mut().context("no servers of its own")?;
        Ok(engines.start_again(server).await?)
    }

    /// Lets Redis stand still, with its connections open, or go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn freeze_store(&self, frozen: bool) -> Result<()> {
        let engines = self.engines.as_ref().context("no servers of its own")?;
        engines.freeze_store(frozen)
    }

    /// A copy of Redis's files as they are now, as a backup would be.
    ///
    /// # Errors
    /// When that cannot be made.
    pub fn copy_store(&self) -> Result<TempDir> {
        let engines = self.engines.as_ref().context("no servers of its own")?;
        Ok(engines.copy_store()?)
    }

    /// Puts a copy in the place of Redis's files, while it does not run.
    ///
    /// # Errors
    /// When it runs.
    pub fn put_back_store(&mut self, copy: &TempDir) -> Result<()> {
        let engines = self.engines.as_mut().context("no servers of its own")?;
        Ok(engines.put_back_store(copy)?)
    }

    /// What Redis says to a command.
    ///
    /// # Errors
    /// When it is away, or refuses.
    pub fn ask_store(&self, command: &[&str]) -> Result<String> {
        let engines = self.engines.as_ref().context("no servers of its own")?;
        Ok(engines.ask_store(command)?)
    }
}
