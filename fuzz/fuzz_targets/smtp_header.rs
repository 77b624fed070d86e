//! The header section of a submitted message: gathered from pieces, read, and
//! completed.
#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use smtp::header::{HeaderCollector, HeaderSection};

use fuzz::Pieces;

fuzz_target!(|input: &[u8]| {
    let Some((lengths, text)) = input.split_first_chunk::<4>() else {
        return;
    };
    // The decoder before it lets no other line end through than CRLF.
    let content = [lengths.as_slice(), &only_crlf(text)].concat();
    let pieces = Pieces::of(&content).expect("the lengths");

    let parts = gather(pieces.clone());
    if pieces.whole().len() <= HeaderCollector::MAX {
        assert_eq!(parts, gather(std::iter::once(pieces.whole())));
    }
    let Some((mut header, body)) = parts else {
        assert!(pieces.whole().len() > HeaderCollector::MAX);
        return;
    };
    check_parts(pieces.whole(), header.octets(), &body);
    assert!(header.authors().map_or(true, |authors| !authors.is_empty()));
    check_completion(&mut header);
});

fn only_crlf(text: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(text.len());
    for octet in text {
        match octet {
            b'\r' => {}
            b'\n' => content.extend_from_slice(b"\r\n"),
            other => content.push(*other),
        }
    }
    content
}

/// Header and body; none where the header is too large.
fn gather<'a>(mut pieces: impl Iterator<Item = &'a [u8]>) -> Option<(HeaderSection, Vec<u8>)> {
    let mut collector = HeaderCollector::new();
    while let Some(piece) = pieces.next() {
        if let ControlFlow::Break((header, mut body)) = collector.push(piece).ok()? {
            pieces.for_each(|piece| body.extend_from_slice(piece));
            return Some((header, body));
        }
    }
    Some((collector.finish(), Vec::new()))
}

/// Nothing is lost, and nothing but line ends is added.
fn check_parts(content: &[u8], header: &[u8], body: &[u8]) {
    let fields = header.strip_suffix(b"\r\n").expect("an empty line");
    assert!(fields.is_empty() || fields.ends_with(b"\r\n"));
    let rest = content.strip_suffix(body).expect("the body is the end");
    let between = match rest.strip_prefix(fields) {
        Some(between) => between,
        None => {
            let open = fields
                .strip_suffix(b"\r\n")
                .expect("a line that was not ended");
            rest.strip_prefix(open)
                .expect("the fields are the beginning")
        }
    };
    assert!(matches!(between, b"" | b"\r\n"), "{between:?}");
}

fn check_completion(header: &mut HeaderSection) {
    let missing = usize::from(!header.has("Date")) + usize::from(!header.has("Message-ID"));
    let before = header.octets().len();
    header.complete("today", "<1@b>");
    assert!(header.octets().len() <= before + missing * "Message-ID: <1@b>\r\n".len());
    assert!(header.octets().ends_with(b"\r\n\r\n"));
    for (name, wanted) in [
        ("Date", true),
        ("Message-ID", true),
        ("Bcc", false),
        ("Resent-Bcc", false),
        ("Return-Path", false),
    ] {
        assert_eq!(header.has(name), wanted, "{name}");
    }
    let once = header.octets().to_vec();
    header.complete("tomorrow", "<2@b>");
    assert_eq!(header.octets(), once, "completed twice");
}
