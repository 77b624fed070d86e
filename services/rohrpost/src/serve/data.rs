//! The data directory: for one user's eyes, and for one process at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::Failure;

/// A data directory that no other process has.
pub(super) struct DataDirectory {
    path: PathBuf,
    /// Locked as long as it is open; the system lets go when the process ends,
    /// however it ends.
    _lock: File,
}

impl DataDirectory {
    /// Creates the directory where missing, and takes it.
    pub(super) fn claim(path: &Path) -> Result<Self, Failure> {
        create(path)?;
        let lock = lock(path)?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// A path in it.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn create(path: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(file("create", path))?;
    let mode = fs::metadata(path)
        .map_err(file("look at", path))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        let private = fs::Permissions::from_mode(mode & 0o700);
        fs::set_permissions(path, private).map_err(file("make private", path))?;
    }
    Ok(())
}

fn lock(directory: &Path) -> Result<File, Failure> {
    let path = directory.join("lock");
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    let mut lock = options.open(&path).map_err(file("open", &path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let holder = lock
                .read_to_string(&mut text)
                .ok()
                .and_then(|_| text.trim().parse().ok());
            return Err(Failure::InUse {
                path: directory.to_owned(),
                holder,
            });
        }
        Err(TryLockError::Error(cause)) => return Err(file("lock", &path)(cause)),
    }
    // Only for whoever is refused; the lock is what counts.
    let _ = lock
        .set_len(0)
        .and_then(|()| writeln!(lock, "{}", std::process::id()));
    Ok(lock)
}

/// Writes a file that only its owner can read, durable and all at once.
pub(super) fn write_private(path: &Path, octets: &[u8]) -> Result<(), Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    let written = || {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(octets)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        match path.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    };
    written().map_err(file("write", path))
}

/// A [`Failure::File`], for `map_err`.
pub(super) fn file(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let path = path.to_owned();
    move |cause| Failure::File {
        operation,
        path,
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_is_private_and_for_one_process() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let first = DataDirectory::claim(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
        let second = DataDirectory::claim(&path).err().unwrap();
        let pid = std::process::id();
        assert_eq!(
            second.to_string(),
            format!(
                "{} is in use by another rohrpost (process {pid})",
                path.display()
            )
        );
        drop(first);
        DataDirectory::claim(&path).unwrap();
    }

    #[test]
    fn a_private_file_is_replaced_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
