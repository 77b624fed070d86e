//! A small disk that a test fills.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

const BALLAST: &str = "ballast";
const BLOCK: usize = 64 << 10;

/// A file system in memory, of a size of its own; gone when dropped.
pub struct Disk {
    place: TempDir,
}

impl Disk {
    /// Mounts a disk of so many MiB; none where this process must not mount.
    ///
    /// # Errors
    /// When there is no directory to mount it on.
    pub fn mount(mib: u64) -> Result<Option<Self>> {
        let place = TempDir::with_prefix("rohrpost-disk-")?;
        let size = format!("size={mib}m,mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(place.path())
            .output();
        Ok(match mounted {
            Ok(output) if output.status.success() => Some(Self { place }),
            Ok(_) | Err(_) => None,
        })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Fills it but for so many octets.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn fill(&self, but: u64) -> Result<()> {
        let mut ballast = File::create(self.ballast())?;
        let block = [0; BLOCK];
        loop {
            let written = ballast.write(&block);
            if matches!(&written, Err(full) if full.kind() == io::ErrorKind::StorageFull) {
                break;
            }
            written.context("filling a disk")?;
        }
        let length = ballast.metadata()?.len();
        Ok(ballast.set_len(length.saturating_sub(but))?)
    }

    /// Frees what [`Disk::fill`] took.
    ///
    /// # Errors
    /// When it was not filled.
    pub fn empty(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }

    /// Lets nobody write to it any more, or again.
    ///
    /// # Errors
    /// When a file on it is open for writing.
    pub fn set_read_only(&self, read_only: bool) -> Result<()> {
        let mode = if read_only {
            "remount,ro"
        } else {
            "remount,rw"
        };
        let mut command = Command::new("mount");
        let output = command.args(["-o", mode]).arg(self.path()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "mount -o {mode}: {said}");
        Ok(())
    }

    fn ballast(&self) -> PathBuf {
        self.path().join(BALLAST)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open does not keep the mount.
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}
