//! Whatever a remote server or a sender writes, a notice keeps its structure:
//! it is read back with a parser that is not ours.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use dsn_notifier::notice::{Extent, Headers, Notice};
use mail_parser::{MessageParser, MimeHeaders, PartType};
use message::{Body, Diagnostic, NoticeKind, Outcome, Ret, Verdict};
use proptest::prelude::*;
use store::ledger::{Entry, NoticeClaim};

mod sample;
use sample::{NOTICE, ORIGINAL, claim, entry, reporter, said, time, told};

/// The names of header fields that a notice has, and no others.
const FIELDS: [&str; 11] = [
    "Date",
    "From",
    "To",
    "Subject",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// The names of fields in a report.
const REPORT: [&str; 13] = [
    "Original-Envelope-Id",
    "Reporting-MTA",
    "Arrival-Date",
    "X-Rohrpost-Message",
    "Original-Recipient",
    "Final-Recipient",
    "Action",
    "Status",
    "Remote-MTA",
    "Diagnostic-Code",
    "Last-Attempt-Date",
    "Will-Retry-Until",
    "X-Rohrpost-Attempts",
];

fn compose(claim: &NoticeClaim, entry: &Entry, original: &[u8]) -> (Notice, Vec<u8>) {
    let headers = Headers::parse(original.to_vec());
    let extent = Extent::of(claim.kind, entry, u64::MAX);
    let notice = Notice::compose(claim, entry, &headers, extent, &reporter());
    let whole = if extent == Extent::Whole {
        original
    } else {
        b""
    };
    let octets = [&notice.head, whole, &notice.tail].concat();
    (notice, octets)
}

/// Checks what holds of every notice.
fn check(notice: &Notice, octets: &[u8], claim: &NoticeClaim) {
    let text = String::from_utf8_lossy(octets);
    assert!(
        text.split("\r\n")
            .all(|line| line.len() <= 998 && !line.contains(['\r', '\n']))
    );
    assert_eq!(notice.body == Body::SevenBit, octets.is_ascii());
    let (header, _) = text.split_once("\r\n\r\n").unwrap();
    assert!(notice.smtputf8 || header.is_ascii());
    for line in header.split("\r\n").filter(|line| !line.starts_with(' ')) {
        let name = line.split(':').next().unwrap();
        assert!(FIELDS.contains(&name), "{line:?}");
    }
    let delimiter = format!("\r\n--=_{NOTICE}");
    assert_eq!(text.matches(&delimiter).count(), 4);

    let parsed = MessageParser::default().parse(octets).unwrap();
    let PartType::Multipart(parts) = &parsed.parts[0].body else {
        panic!("not a multipart: {text}");
    };
    assert_eq!(parts.len(), 3);
    let part = |n: usize| &parsed.parts[parts[n] as usize];
    assert_eq!(part(0).content_type().unwrap().ctype(), "text");
    let report = String::from_utf8_lossy(part(1).contents()).into_owned();
    let groups: Vec<_> = report.trim_end().split("\r\n\r\n").collect();
    assert_eq!(groups.len(), 1 + claim.recipients.len(), "{report}");
    let lines = groups.iter().flat_map(|group| group.split("\r\n"));
    for line in lines.filter(|line| !line.starts_with(' ')) {
        let name = line.split(':').next().unwrap();
        assert!(REPORT.contains(&name), "{line:?}");
    }
}

fn diagnostic(text: String, remote: bool) -> Diagnostic {
    // As it would be read from a store in which somebody else wrote.
    let json = if remote {
        serde_json::json!({ "text": text, "remote": "mx.example" })
    } else {
        serde_json::json!({ "text": text })
    };
    serde_json::from_value(json).unwrap()
}

fn nasty() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("\r\n\r\n".to_owned()),
        Just("\n--=_boundary\n".to_owned()),
        Just("Bcc: x@y.example\r\n".to_owned()),
        Just("=?utf-8?B?".to_owned()),
        "[ -~]{0,40}",
        "\\PC{0,30}",
        any::<String>(),
        Just("w".repeat(1200)),
        Just("\u{fffd}".repeat(500)),
    ];
    proptest::collection::vec(line, 0..6).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_words_from_elsewhere_break_a_notice(
        words in proptest::collection::vec((nasty(), any::<bool>(), 4_u16..6, 0_u16..9, 0_u16..30), 1..4),
        subject in nasty(),
        message_id in nasty(),
        envelope_id in "[ -~]{1,100}",
        orcpt in "[^\\p{Cc}]{1,200}",
        kind in 0..3_usize,
        full: bool,
        smtputf8: bool,
        rewritten: bool,
    ) {
        let kind = NoticeKind::ALL[kind];
        let recipients = words.into_iter().map(|(text, remote, class, subject, detail)| {
            let mut recipient = told("bob@remote.example", Verdict::Failed, "5.0.0", said("x", ""));
            recipient.outcome = Outcome {
                verdict: Verdict::Failed,
                status: format!("{class}.{subject}.{detail}").parse().unwrap(),
                diagnostic: diagnostic(text, remote),
                at: time("2026-11-23T19:06:09Z"),
            };
            recipient.orcpt = format!("utf-8;{orcpt}").parse().ok();
            if rewritten {
                recipient.last = "\"b\\\"ö \"@other.example".parse().unwrap();
            }
            recipient
        });
        let claim = claim(kind, recipients.collect());
        let mut entry = entry(&["bob@remote.example"]);
        entry.acceptance.envelope.ret = full.then_some(Ret::Full);
        entry.acceptance.envelope.smtputf8 = smtputf8;
        entry.acceptance.envelope.envelope_id = envelope_id.parse().ok();
        let original = format!("Subject: {subject}\r\nMessage-ID: {message_id}\r\n\r\nHi\r\n");
        // Ingress lets no bare CR or LF and no endless line in.
        let original: String = original
            .replace("\r\n", "\u{0}")
            .chars()
            .filter(|c| !matches!(c, '\r' | '\n'))
            .collect();
        let original = original
            .split('\u{0}')
            .map(|line| &line[..line.floor_char_boundary(998)])
            .collect::<Vec<_>>()
            .join("\r\n");
        if !original.is_ascii() {
            entry.acceptance.envelope.body = Body::EightBit;
        }
        let (notice, octets) = compose(&claim, &entry, original.as_bytes());
        check(&notice, &octets, &claim);
    }
}

#[test]
fn what_is_composed_again_is_the_same() {
    let bob = told(
        "bob@remote.example",
        Verdict::Failed,
        "5.1.1",
        said("mx.example", "550 no"),
    );
    let claim = claim(NoticeKind::Failure, vec![bob]);
    let entry = entry(&["bob@remote.example"]);
    let once = compose(&claim, &entry, ORIGINAL.as_bytes());
    assert_eq!(once, compose(&claim, &entry, ORIGINAL.as_bytes()));
    check(&once.0, &once.1, &claim);
}

#[test]
fn a_thousand_recipients_are_reported_and_some_told_in_words() {
    let names: Vec<_> = (0..1000).map(|n| format!("r{n}@remote.example")).collect();
    let recipients = names
        .iter()
        .map(|name| told(name, Verdict::Failed, "5.1.1", said("mx.example", "550 no")));
    let claim = claim(NoticeKind::Failure, recipients.collect());
    let entry = entry(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let (notice, octets) = compose(&claim, &entry, ORIGINAL.as_bytes());
    check(&notice, &octets, &claim);
    let text = String::from_utf8(octets).unwrap();
    assert!(text.contains("900 more recipients"), "{text}");
}
