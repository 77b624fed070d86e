//! Where the transcripts are: `server/` and `client/`, each with one folder for
//! every extension of SMTP.

use std::fs;
use std::path::{Path, PathBuf};

/// All transcripts of a side, in order. A folder without any is a test that
/// nobody wrote, and a file beside the folders one that nobody would find.
pub(crate) fn transcripts(side: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let folders = entries(&root.join(side));
    folders.iter().flat_map(|folder| entries(folder)).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert!(!paths.is_empty(), "{folder:?} is empty");
    paths.sort();
    paths
}
