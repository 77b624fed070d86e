//! What operators see, as plain text: each `NAME.json` in `tests/golden/` is an
//! answer of the admin API, and `NAME.txt` what is made of it. With
//! `UPDATE_GOLDEN=1` the texts are written anew, to be read before a commit.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use web_gateway::api::{Counts, Load};

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn moment() -> Moment {
    let now = "2026-11-23T15:30:00Z".parse().unwrap();
    Moment {
        now,
        zone: TimeZone::UTC,
    }
}

/// Makes text of `name.json` and compares it with `name.txt`.
fn check<T: DeserializeOwned>(name: &str, render: impl FnOnce(T, &Moment) -> String) {
    let json = fs::read(folder().join(name).with_extension("json")).unwrap();
    compare(
        name,
        &render(serde_json::from_slice(&json).unwrap(), &moment()),
    );
}

fn compare(name: &str, text: &str) {
    let path = folder().join(name).with_extension("txt");
    let text = format!("{}\n", text.trim_end());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name}: UPDATE_GOLDEN=1 writes it anew");
}

#[test]
fn traces() {
    for name in [
        "trace-local",
        "trace-deferred",
        "trace-failed",
        "trace-notice",
        "trace-aliases",
        "trace-many-attempts",
        "trace-unrouted",
        "trace-held-unrouted",
    ] {
        check(name, |history, moment| story(&history, moment));
    }
}

#[test]
fn a_trace_as_a_tree() {
    let message = "019aa1c3f2b07d3e8f00000000000002".parse().unwrap();
    check("tree", |spans: Vec<_>, moment| {
        tree(message, &spans, moment)
    });
}

#[test]
fn the_queue() {
    check("queue", |items: Vec<_>, moment| {
        queue(&items, moment).render(true)
    });
    check("queue-item", |item, moment| queue_item(&item, moment));
    check("queue-item-notice", |item, moment| {
        queue_item(&item, moment)
    });
    check("queue-item-held-unrouted", |item, moment| {
        queue_item(&item, moment)
    });
    check("why", |why, moment| explanation(&why, moment));
}

#[test]
fn the_queue_at_a_glance() {
    check("top", |(counts, load): (Counts, Load), _| {
        let glance = |counts, now: &str| Glance {
            moment: Moment {
                now: now.parse().unwrap(),
                zone: TimeZone::UTC,
            },
            counts,
            load: load.clone(),
        };
        let later = Counts {
            accepted: counts.accepted + 30,
            delivered: counts.delivered + 5,
            ..counts.clone()
        };
        let first = glance(counts, "2026-11-23T15:30:00Z");
        let second = glance(later, "2026-11-23T15:30:02Z");
        let screens = [top(&first, None, 3), top(&second, Some(&first), 9)];
        screens.join("\n--- two seconds later ---\n\n")
    });
}

#[test]
fn the_directory() {
    check("domains", |list: Vec<_>, moment| {
        domains(&list, moment).render(true)
    });
    check("accounts", |list: Vec<_>, moment| {
        accounts(&list, moment).render(true)
    });
    check("aliases", |list: Vec<_>, moment| {
        aliases(&list, moment).render(true)
    });
}

#[test]
fn mailboxes_and_messages() {
    check("mailboxes", |list: Vec<_>, moment| {
        mailboxes(&list, moment).render(true)
    });
    check("messages", |list: Vec<_>, moment| {
        messages(&list, moment).render(true)
    });
    let octets = fs::read(folder().join("message.eml")).unwrap();
    compare("message", &message(&octets, true));
}

#[test]
fn the_check() {
    check("check-sound", |summary, _| check_summary(&summary));
    check("check-faults", |summary, _| check_summary(&summary));
    check("finding", |fault, _| finding(&fault));
}

#[test]
fn what_is_lost() {
    check("standing", |all: Vec<_>, moment| {
        let each = all.iter().map(|one| standing(one, moment));
        each.collect::<Vec<_>>().join("\n\n")
    });
    check("standing-changed", |one, moment| {
        [raised(&one, moment), confirmed(&one, moment)].join("\n\n")
    });
    check("lost", |messages: Vec<_>, moment| {
        lost(&messages, moment).render(true)
    });
    check("lost-summary", |summary, _| lost_summary(&summary));
    check("recovered", |all: Vec<_>, moment| {
        let each = all.iter().map(|one| recovered(one, moment));
        each.collect::<Vec<_>>().join("\n")
    });
}
