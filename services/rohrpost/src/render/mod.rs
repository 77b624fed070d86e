//! From answers of the admin API to words and tables. Nothing here reads or
//! writes, so that what operators see is tested as plain text
//! (`tests/golden/`).

mod check;
mod dead;
mod directory;
mod explanation;
#[cfg(test)]
mod golden;
mod mailbox;
mod moment;
mod queue;
mod recovery;
mod story;
mod table;
mod top;
mod tree;

use std::fmt::Display;

pub(crate) use check::{check_summary, finding};
pub(crate) use dead::{dead_letter, dead_letters};
pub(crate) use directory::{accounts, aliases, dns_records, domains};
pub(crate) use explanation::explanation;
pub(crate) use mailbox::{mailboxes, message, messages};
pub(crate) use moment::Moment;
pub(crate) use queue::{queue, queue_item};
pub(crate) use recovery::{
    confirmed, delivered, lost, lost_summary, not_here, raised, recovered, standing,
};
pub(crate) use story::story;
pub(crate) use table::Table;
pub(crate) use top::{Glance, top};
pub(crate) use tree::{Span, tree};

/// The most things that are named one by one.
const NAMED: usize = 10;

/// `a`, `a and b`, `a, b and c`, or the first few and how many more.
pub(crate) fn enumerate<T: Display>(things: &[T]) -> String {
    let named: Vec<String> = things.iter().take(NAMED).map(T::to_string).collect();
    let more = things.len() - named.len();
    match named.as_slice() {
        [] => "nobody".to_owned(),
        [one] if more == 0 => one.clone(),
        [front @ .., last] if more == 0 => format!("{} and {last}", front.join(", ")),
        all => format!("{} and {more} more", all.join(", ")),
    }
}

/// `1 message`, `2 messages`.
pub(crate) fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Octets in the unit that people read.
pub(crate) fn size(octets: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if octets < 1024 {
        return format!("{octets} B");
    }
    let mut value = octets as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (octets, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (5 * 1024 * 1024 * 1024, "5.0 GiB"),
        ] {
            assert_eq!(size(octets), expected, "{octets}");
        }
    }

    #[test]
    fn lists_are_sentences() {
        let letters: Vec<_> = ('a'..='m').collect();
        assert_eq!(enumerate(&letters[..0]), "nobody");
        assert_eq!(enumerate(&letters[..1]), "a");
        assert_eq!(enumerate(&letters[..3]), "a, b and c");
        assert_eq!(
            enumerate(&letters),
            "a, b, c, d, e, f, g, h, i, j and 3 more"
        );
    }
}
