//! Answers as text, and as imap-codec reads them.

use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder;
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::flag::Keyword;
use crate::list::SpecialUse;
use crate::mailbox_name::{MailboxName, NameEncoding};
use crate::search::SearchReturn;
use crate::status_item::StatusItem;
use crate::tag::Tag;
use crate::{Part, Section, SectionText};

fn text(output: &Output) -> String {
    String::from_utf8(output.octets().to_vec()).unwrap()
}

/// Extensions that imap-codec 1.0 cannot read.
const UNREAD: [&str; 12] = [
    "ESEARCH",
    "VANISHED",
    "THREADID",
    "MAILBOXID",
    "BINARY",
    "CHILDINFO",
    "MODSEQ",
    "SAVEDATE",
    "ID (",
    "NAMESPACE",
    "SORT",
    "THREAD",
];

/// Whether imap-codec reads it as one whole response.
fn is_read(wire: &[u8]) -> bool {
    let decoded = ResponseCodec::default().decode(wire);
    decoded.is_ok_and(|(rest, _)| rest.is_empty())
}

fn check(response: &Response<'_>, expected: &str) {
    let mut output = Output::default();
    response.write(&mut output);
    let written = text(&output);
    assert_eq!(written, format!("{expected}\r\n"));
    if !UNREAD.iter().any(|word| written.contains(word)) {
        assert!(
            is_read(output.octets()),
            "imap-codec cannot read {written:?}"
        );
    }
}

fn check_status(condition: Condition, code: Code<'_>, expected: &str) {
    let tag = Tag::new(b"a1").unwrap();
    let status = Status::tagged(&tag, condition, "Some text").with(code);
    check(
        &Response::Status(status),
        &format!("a1 {expected} Some text"),
    );
}

#[test]
fn statuses_are_written() {
    let flags = [Flag::Seen, Flag::Keyword(Keyword::new("$Junk").unwrap())];
    check_status(Condition::No, Code::Alert, "NO [ALERT]");
    check_status(Condition::Ok, Code::ReadOnly, "OK [READ-ONLY]");
    check_status(Condition::Ok, Code::UidValidity(7), "OK [UIDVALIDITY 7]");
    check_status(Condition::Ok, Code::UidNext(8), "OK [UIDNEXT 8]");
    check_status(
        Condition::Ok,
        Code::Capability(&["IMAP4rev1", "IDLE"]),
        "OK [CAPABILITY IMAP4rev1 IDLE]",
    );
    check_status(
        Condition::Ok,
        Code::PermanentFlags {
            flags: &flags,
            others: true,
        },
        r"OK [PERMANENTFLAGS (\Seen $Junk \*)]",
    );
    let uids = [1, 2, 3, 7];
    check_status(
        Condition::Ok,
        Code::AppendUid {
            uid_validity: 9,
            uids: &uids,
        },
        "OK [APPENDUID 9 1:3,7]",
    );
    check_status(
        Condition::Ok,
        Code::CopyUid {
            uid_validity: 9,
            from: &[5, 9],
            to: &[1, 2],
        },
        "OK [COPYUID 9 5,9 1:2]",
    );
    check_status(
        Condition::No,
        Code::BadCharset,
        "NO [BADCHARSET (US-ASCII UTF-8)]",
    );
    check_status(Condition::No, Code::Modified(&[4, 5]), "NO [MODIFIED 4:5]");
    let status = Status::untagged(Condition::Bye, "line\r\n* OK fake é\0");
    check(&Response::Status(status), "* BYE line  * OK fake ? ");
}

#[test]
fn lines_are_written() {
    let name = MailboxName::new("Entwürfe");
    check(&Response::Continue("go on"), "+ go on");
    check(&Response::Exists(23), "* 23 EXISTS");
    check(&Response::Recent(0), "* 0 RECENT");
    check(&Response::Expunge(4), "* 4 EXPUNGE");
    check(
        &Response::Vanished {
            earlier: true,
            uids: &[3, 4, 9],
        },
        "* VANISHED (EARLIER) 3:4,9",
    );
    check(
        &Response::Flags(&[Flag::Answered, Flag::Draft]),
        r"* FLAGS (\Answered \Draft)",
    );
    check(
        &Response::Enabled(&[Extension::Qresync, Extension::Other("X".into())]),
        "* ENABLED QRESYNC",
    );
    check(&Response::Namespace, "* NAMESPACE ((\"\" \"/\")) NIL NIL");
    check(
        &Response::Id(&[("name", "Rohr\"post")]),
        r#"* ID ("name" "Rohr\"post")"#,
    );
    let attributes = [
        MailboxAttribute::HasNoChildren,
        MailboxAttribute::Use(SpecialUse::Drafts),
    ];
    let line = MailboxLine {
        attributes: &attributes,
        name: &name,
        subscribed_child: false,
    };
    check(
        &Response::List(line),
        r#"* LIST (\HasNoChildren \Drafts) "/" "Entw&APw-rfe""#,
    );
    let line = MailboxLine {
        attributes: &[],
        subscribed_child: true,
        ..line
    };
    check(
        &Response::List(line),
        r#"* LIST () "/" "Entw&APw-rfe" ("CHILDINFO" ("SUBSCRIBED"))"#,
    );
    let items = [(StatusItem::Messages, 231), (StatusItem::UidNext, 44292)];
    let status = MailboxStatus {
        mailbox: &name,
        items: &items,
        id: None,
    };
    check(
        &Response::MailboxStatus(status),
        r#"* STATUS "Entw&APw-rfe" (MESSAGES 231 UIDNEXT 44292)"#,
    );
    let status = MailboxStatus {
        id: Some("F2"),
        ..status
    };
    check(
        &Response::MailboxStatus(status),
        r#"* STATUS "Entw&APw-rfe" (MESSAGES 231 UIDNEXT 44292 MAILBOXID (F2))"#,
    );
    let quota = Quota {
        root: "",
        resources: &[(Resource::Storage, 10, 512), (Resource::Message, 1, 9)],
    };
    check(
        &Response::Quota(quota),
        "* QUOTA \"\" (STORAGE 10 512 MESSAGE 1 9)",
    );
    check(
        &Response::QuotaRoot {
            mailbox: &name,
            root: "",
        },
        "* QUOTAROOT \"Entw&APw-rfe\" \"\"",
    );
}

#[test]
fn searches_are_written() {
    let tag = Tag::new(b"a1").unwrap();
    check(
        &Response::Search {
            numbers: &[2, 3, 6],
            modseq: None,
        },
        "* SEARCH 2 3 6",
    );
    check(
        &Response::Search {
            numbers: &[],
            modseq: Some(5),
        },
        "* SEARCH",
    );
    check(
        &Response::Search {
            numbers: &[2],
            modseq: Some(917),
        },
        "* SEARCH 2 (MODSEQ 917)",
    );
    check(&Response::Sort(&[5, 3, 4]), "* SORT 5 3 4");
    let all = SearchReturn {
        min: true,
        max: true,
        all: true,
        count: true,
        save: false,
    };
    let found = Esearch {
        tag: &tag,
        uid: true,
        returns: all,
        numbers: &[2, 3, 9],
        modseq: Some(7),
    };
    check(
        &Response::Esearch(found),
        r#"* ESEARCH (TAG "a1") UID MIN 2 MAX 9 ALL 2:3,9 COUNT 3 MODSEQ 7"#,
    );
    let nothing = Esearch {
        numbers: &[],
        uid: false,
        ..found
    };
    check(
        &Response::Esearch(nothing),
        r#"* ESEARCH (TAG "a1") COUNT 0"#,
    );
}

/// RFC 5256 §4's example.
#[test]
fn threads_are_written() {
    let node = |number, children: &[usize]| ThreadNode {
        number,
        children: children.to_vec(),
    };
    let threads = Threads {
        nodes: vec![
            node(Some(2), &[]),
            node(Some(3), &[2]),
            node(Some(6), &[3, 5]),
            node(Some(4), &[4]),
            node(Some(23), &[]),
            node(Some(44), &[6]),
            node(Some(7), &[7]),
            node(Some(96), &[]),
            node(None, &[0, 1]),
        ],
        roots: vec![0, 1],
    };
    check(
        &Response::Thread(&threads),
        "* THREAD (2)(3 6 (4 23)(44 7 96))",
    );
    let rootless = Threads {
        roots: vec![8],
        ..threads
    };
    check(
        &Response::Thread(&rootless),
        "* THREAD ((2)(3 6 (4 23)(44 7 96)))",
    );
    check(&Response::Thread(&Threads::default()), "* THREAD");
}

#[test]
fn fetches_are_written() {
    let mut output = Output::default();
    let mut fetch = FetchResponse::begin(&mut output, 12);
    fetch.uid(100);
    fetch.flags(&[Flag::Seen]);
    fetch.internal_date(Timestamp::from_second(0).unwrap());
    fetch.size(44827);
    let section = Section {
        part: Part([1, 2].into()),
        text: Some(SectionText::Fields(vec!["DATE".into(), "X Y".into()])),
    };
    fetch.section(&section, Some(5), Some(2));
    fetch.octets(b"hi");
    fetch.section(&Section::default(), None, None);
    let suspended = fetch.suspend();
    let mut fetch = FetchResponse::resume(&mut output, suspended);
    fetch.literal("RFC822.HEADER", 0);
    fetch.end();
    let expected = "* 12 FETCH (UID 100 FLAGS (\\Seen) INTERNALDATE \"01-Jan-1970 00:00:00 +0000\" \
        RFC822.SIZE 44827 BODY[1.2.HEADER.FIELDS (DATE \"X Y\")]<5> {2}\r\nhi BODY[] NIL \
        RFC822.HEADER {0}\r\n)\r\n";
    assert_eq!(text(&output), expected);
    assert!(is_read(output.octets()));
}

#[test]
fn extensions_of_fetch_are_written() {
    let mut output = Output::default();
    let mut fetch = FetchResponse::begin(&mut output, 1);
    fetch.modseq(9);
    fetch.email_id("M1");
    fetch.thread_id(None);
    fetch.save_date(None);
    fetch.binary(&Part([1].into()), None, Some(1), true);
    fetch.octets(b"\0");
    fetch.binary_size(&Part([1].into()), 1);
    fetch.end();
    let expected = "* 1 FETCH (MODSEQ (9) EMAILID (M1) THREADID NIL SAVEDATE NIL \
        BINARY[1] ~{1}\r\n\0 BINARY.SIZE[1] 1)\r\n";
    assert_eq!(text(&output), expected);
}

#[test]
fn structures_are_written() {
    let leaf = Leaf {
        media_type: b"text".to_vec(),
        subtype: b"plain".to_vec(),
        parameters: vec![(b"charset".to_vec(), b"utf-8".to_vec())],
        encoding: b"7bit".to_vec(),
        size: 12,
        kind: Kind::Text { lines: 2 },
        ..Leaf::default()
    };
    let message = Leaf {
        media_type: b"message".to_vec(),
        subtype: b"rfc822".to_vec(),
        encoding: b"8bit".to_vec(),
        size: 99,
        kind: Kind::Message(Box::new(EmbeddedMessage {
            envelope: Envelope::default(),
            structure: BodyStructure::Leaf(Box::new(leaf.clone())),
            lines: 5,
        })),
        disposition: Some(Disposition {
            kind: b"inline".to_vec(),
            parameters: Vec::new(),
        }),
        language: vec![b"en".to_vec(), b"de".to_vec()],
        ..Leaf::default()
    };
    let structure = BodyStructure::Multipart(Multipart {
        parts: vec![
            BodyStructure::Leaf(Box::new(leaf)),
            BodyStructure::Leaf(Box::new(message)),
        ],
        subtype: b"mixed".to_vec(),
        ..Multipart::default()
    });
    let written = |extended| {
        let mut output = Output::default();
        structure.write(&mut output, extended);
        text(&output)
    };
    let short = r#"("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 12 2"#;
    let nobody = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";
    let message = r#"("message" "rfc822" NIL NIL NIL "8bit" 99 "#;
    assert_eq!(
        written(false),
        format!(r#"({short}){message}{nobody} {short}) 5) "mixed")"#)
    );
    let long = format!("{short} NIL NIL NIL NIL)");
    assert_eq!(
        written(true),
        format!(
            r#"({long}{message}{nobody} {long} 5 NIL ("inline" NIL) ("en" "de") NIL) "mixed" NIL NIL NIL NIL)"#
        )
    );
    for extended in [true, false] {
        let wire = format!("* 1 FETCH (BODYSTRUCTURE {})\r\n", written(extended));
        assert!(is_read(wire.as_bytes()), "{wire}");
    }
}

proptest! {
    #[test]
    fn any_octets_stay_in_their_string(octets in proptest::collection::vec(any::<u8>(), 0..60), utf8: bool) {
        let address = Address { name: Some(octets.clone()), mailbox: Some(octets.clone()), host: None };
        let envelope = Envelope { subject: Some(octets), from: vec![address], ..Envelope::default() };
        let mut output = Output::default();
        if utf8 {
            output.set_names(NameEncoding::Utf8);
        }
        envelope.write(&mut output);
        let wire = [b"* 1 FETCH (ENVELOPE ", output.octets(), b")\r\n"].concat();
        prop_assert!(utf8 || is_read(&wire), "{:?}", String::from_utf8_lossy(&wire));
    }
}
