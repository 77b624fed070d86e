//! Each kind of notice, to the octet, in `golden/`; read one there to see what
//! senders get. `UPDATE_GOLDEN=1 cargo test -p dsn-notifier` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;

use dsn_notifier::notice::{Extent, Headers, Notice};
use message::{Body, Diagnostic, NoticeKind, Notify, Ret, Verdict};
use store::ledger::{Entry, NoticeClaim};

mod sample;
use sample::{ORIGINAL, address, claim, entry, reporter, said, time, told};

fn check(name: &str, claim: &NoticeClaim, entry: &Entry, original: &str) -> Notice {
    let headers = Headers::parse(original.into());
    let extent = Extent::of(claim.kind, entry, 100_000);
    let notice = Notice::compose(claim, entry, &headers, extent, &reporter());
    let whole = if extent == Extent::Whole {
        original
    } else {
        ""
    };
    let octets = [&notice.head, whole.as_bytes(), &notice.tail].concat();
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.eml"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &octets).unwrap();
    }
    let expected = fs::read(&golden).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&octets),
        String::from_utf8_lossy(&expected),
        "{name}"
    );
    notice
}

#[test]
fn failure_at_a_remote_server() {
    let reply = "550 5.1.1 <bob@remote.example>: Recipient address rejected: User unknown";
    let bob = told(
        "bob@remote.example",
        Verdict::Failed,
        "5.1.1",
        said("mx1.remote.example", reply),
    );
    let claim = claim(NoticeKind::Failure, vec![bob]);
    let entry = entry(&["bob@remote.example"]);
    let notice = check("failure", &claim, &entry, ORIGINAL);
    assert_eq!((notice.body, notice.smtputf8), (Body::SevenBit, false));
}

#[test]
fn failure_that_returns_the_whole_message() {
    let mut entry = entry(&[
        "bob@remote.example",
        "carol@gone.example",
        "dave@example.org",
    ]);
    entry.acceptance.envelope.ret = Some(Ret::Full);
    entry.acceptance.envelope.envelope_id = "QQ314159".parse().ok();
    let mut bob = told(
        "bob@remote.example",
        Verdict::Failed,
        "5.4.7",
        said(
            "mx2.remote.example",
            "451 4.3.0 Temporary lookup failure, please try again later",
        ),
    );
    bob.attempts = 37;
    bob.orcpt = "rfc822;Bob@Remote.Example".parse().ok();
    let nowhere = Diagnostic::ours("gone.example does not exist (NXDOMAIN)");
    let carol = told("carol@gone.example", Verdict::Failed, "5.1.2", nowhere);
    let claim = claim(NoticeKind::Failure, vec![bob, carol]);
    check("failure-whole", &claim, &entry, ORIGINAL);
}

#[test]
fn failure_behind_an_alias_with_eight_bit_content() {
    let original = ORIGINAL
        .replace(
            "Lunch on Friday",
            "=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=",
        )
        .replace("Shall we", "Schöne Grüße!");
    let mut entry = entry(&["team@example.org"]);
    entry.acceptance.envelope.ret = Some(Ret::Full);
    entry.acceptance.envelope.body = Body::EightBit;
    let mut bob = told(
        "team@example.org",
        Verdict::Failed,
        "5.2.2",
        said("mx1.remote.example", "552 5.2.2 Mailbox voll für bob"),
    );
    bob.last = address("bob@remote.example");
    let claim = claim(NoticeKind::Failure, vec![bob]);
    let notice = check("failure-eight-bit", &claim, &entry, &original);
    assert_eq!((notice.body, notice.smtputf8), (Body::EightBit, false));
}

#[test]
fn failure_of_an_internationalised_address() {
    let original = ORIGINAL.replace("To: Bob <bob@", "To: Grün <grün@");
    let mut entry = entry(&["grün@remote.example"]);
    entry.acceptance.envelope.smtputf8 = true;
    let gruen = told(
        "grün@remote.example",
        Verdict::Failed,
        "5.6.7",
        said("mx1.remote.example", "550 5.6.7 SMTPUTF8 required"),
    );
    let claim = claim(NoticeKind::Failure, vec![gruen]);
    let notice = check("failure-utf8", &claim, &entry, &original);
    assert_eq!((notice.body, notice.smtputf8), (Body::EightBit, true));
}

#[test]
fn delay() {
    let mut bob = told(
        "bob@remote.example",
        Verdict::Deferred,
        "4.4.1",
        Diagnostic::ours("connecting to mx1.remote.example [198.51.100.3]:25 timed out"),
    );
    bob.attempts = 7;
    bob.next_attempt = Some(time("2026-11-23T21:10:00Z"));
    bob.retry_until = Some(time("2026-11-28T15:05:00Z"));
    let claim = claim(NoticeKind::Delay, vec![bob]);
    let entry = entry(&["bob@remote.example", "dave@example.org"]);
    check("delay", &claim, &entry, ORIGINAL);
}

#[test]
fn success() {
    let asked = Notify::When {
        success: true,
        failure: true,
        delay: false,
    };
    let taken = said("mx1.remote.example", "250 2.0.0 Ok: queued as 4F2A1");
    let mut recipients = vec![
        told(
            "dave@example.org",
            Verdict::Delivered,
            "2.0.0",
            Diagnostic::ours(""),
        ),
        told(
            "bob@remote.example",
            Verdict::Relayed { dsn: false },
            "2.0.0",
            taken,
        ),
        told(
            "team@example.org",
            Verdict::Expanded,
            "2.0.0",
            Diagnostic::ours(""),
        ),
    ];
    for recipient in &mut recipients {
        recipient.notify = asked;
    }
    let claim = claim(NoticeKind::Success, recipients);
    let entry = entry(&["dave@example.org", "bob@remote.example", "team@example.org"]);
    check("success", &claim, &entry, ORIGINAL);
}
