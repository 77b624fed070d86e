//! What the fuzz targets share: octets in pieces, damage on disk, and a count
//! of what is allocated.
//!
//! A target asserts more than that nothing panics: what is read, written and
//! read again is the same; pieces come to the same as the whole; limits hold.

pub mod damage;
pub mod pieces;

use std::alloc::System;
use std::path::{Path, PathBuf};

use cap::Cap;
use message::time::{ManualClock, SeededRandomness};
use tokio::runtime::{Builder, Runtime};

pub use pieces::Pieces;

/// Counts what Rust code allocates, libFuzzer's own memory apart.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// The octets that are allocated now.
pub fn allocated() -> usize {
    ALLOCATOR.allocated()
}

/// A clock that stands still.
pub fn clock() -> ManualClock {
    ManualClock::at("2026-11-23T15:05:00Z")
}

/// Randomness that is the same in every run.
pub fn randomness() -> SeededRandomness {
    SeededRandomness::new(1)
}

/// A runtime for ports, whose methods are asynchronous.
pub fn runtime() -> Runtime {
    Builder::new_current_thread()
        .build()
        .expect("a runtime without I/O always starts")
}

/// A directory of this process under `TMPDIR`, which tests/fuzz sets and clears
/// away.
pub fn scratch() -> PathBuf {
    tempfile::tempdir()
        .expect("a temporary directory can be made")
        .keep()
}

/// Makes `file` hold `octets` and nothing else.
pub fn write(file: &Path, octets: &[u8]) {
    std::fs::write(file, octets).expect("a temporary file can be written");
}
