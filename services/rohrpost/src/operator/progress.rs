//! How far a long command is, for who watches it; nothing where standard error is
//! no terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error. Clones are the same.
#[derive(Clone)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Of something that is measured in octets.
    pub(super) fn octets(total: u64) -> Self {
        Self::of(total, "{bar:40} {binary_bytes}/{binary_total_bytes} {eta}")
    }

    /// Of something that is counted.
    pub(super) fn items(total: u64) -> Self {
        Self::of(total, "{bar:40} {human_pos}/{human_len} {eta}")
    }

    fn of(total: u64, template: &str) -> Self {
        let bar = ProgressBar::new(total);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(super) fn advance(&self, by: u64) {
        self.0.inc(by);
    }

    /// A line of words, above the bar.
    pub(super) fn say(&self, words: &str) {
        self.0.suspend(|| eprintln!("{words}"));
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
