//! Where a server elsewhere stops until a test lets it go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use system::until;

/// A moment of a dialogue that is held; closed at first.
#[derive(Clone, Default)]
pub(super) struct Gate {
    open: Arc<AtomicBool>,
    reached: Arc<AtomicBool>,
}

impl Gate {
    /// Waits, in the dialogue, until it is open.
    pub(super) fn pass(&self) {
        self.reached.store(true, Ordering::SeqCst);
        tokio::task::block_in_place(|| {
            while !self.is_open() {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
    }

    pub(super) fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }

    /// Waits, in the test, until a dialogue stands before it.
    pub(super) async fn reached(&self) -> Result<()> {
        until("a dialogue is held", async || {
            Ok(self.reached.load(Ordering::SeqCst).then_some(()))
        })
        .await
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // A test that fails leaves nobody waiting.
        self.open();
    }
}
