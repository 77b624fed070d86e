//! Content behind DATA and in chunks: the decoders against the plainest reading
//! of RFC 5321 §4.5.2 and RFC 3030, and against the client's stuffing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp::client::DotStuffer;
use smtp::data::{ChunkDecoder, Decoded, Decoder, Fault, Summary};

use fuzz::Pieces;

const PLENTY: (u64, usize) = (1 << 40, usize::MAX);

fuzz_target!(|input: &[u8]| {
    let Some(pieces) = Pieces::of(input) else {
        return;
    };
    for limits in [PLENTY, (20, 2)] {
        check_wire(&pieces, limits);
        check_chunks(&pieces, limits);
    }
    check_stuffing(&pieces);
});

/// What came out of a decoder.
#[derive(Debug, Default)]
struct Got {
    content: Vec<u8>,
    end: Option<Result<Summary, Fault>>,
    /// What was left behind the end, or undecided before it.
    rest: Vec<u8>,
}

fn decode(pieces: Pieces<'_>, (size_limit, hop_limit): (u64, usize)) -> Got {
    let mut decoder = Decoder::new(size_limit, hop_limit);
    let mut got = Got::default();
    for piece in pieces {
        got.rest.extend_from_slice(piece);
        while got.end.is_none() {
            let (used, decoded) = decoder.decode(&got.rest);
            let more = match decoded {
                Decoded::Octets(octets) => {
                    assert!(!octets.is_empty(), "no progress");
                    got.content.extend_from_slice(octets);
                    true
                }
                Decoded::More => false,
                Decoded::End(end) => {
                    got.end = Some(end);
                    false
                }
            };
            got.rest.drain(..used);
            if !more {
                break;
            }
        }
        assert!(got.end.is_some() || got.rest.len() <= 3, "octets pile up");
    }
    got
}

fn check_wire(pieces: &Pieces<'_>, limits: (u64, usize)) {
    let wire = pieces.whole();
    let got = decode(pieces.clone(), limits);
    // The end is CRLF dot CRLF, where the CRLF of the 354 counts, and nothing else.
    let framed = [b"\r\n", wire].concat();
    let end = framed.windows(5).position(|five| five == b"\r\n.\r\n");
    assert_eq!(got.end.is_some(), end.is_some());
    let (Some(outcome), Some(end)) = (got.end, end) else {
        return;
    };
    assert_eq!(got.rest, framed[end + 5..]);
    let lines = framed[2..end + 2].split_inclusive(|b| *b == b'\n');
    let unstuffed: Vec<_> = lines
        .map(|line| line.strip_prefix(b".").unwrap_or(line))
        .collect();
    check_content(&unstuffed.concat(), limits, outcome, &got.content);
}

/// Each piece is a chunk; a last line without end gets one.
fn check_chunks(pieces: &Pieces<'_>, limits: (u64, usize)) {
    let mut decoder = ChunkDecoder::new(limits.0, limits.1);
    let mut got = Vec::new();
    for chunk in pieces.clone() {
        if decoder.take(chunk) {
            got.extend_from_slice(chunk);
        }
    }
    got.extend_from_slice(decoder.complete().unwrap_or_default());
    let mut content = pieces.whole().to_vec();
    if !matches!(content.last(), None | Some(b'\r' | b'\n')) {
        content.extend_from_slice(b"\r\n");
    }
    check_content(&content, limits, decoder.end(), &got);
}

/// `content` is what was got if it is sound, and refused if it is not.
fn check_content(
    content: &[u8],
    limits: (u64, usize),
    outcome: Result<Summary, Fault>,
    got: &[u8],
) {
    match outcome {
        Ok(summary) => {
            assert!(is_sound(content, limits), "{content:?} was accepted");
            assert_eq!(summary.size, content.len() as u64);
            assert_eq!(summary.eight_bit, !content.is_ascii());
            assert_eq!(got, content);
        }
        Err(fault) => assert!(!is_sound(content, limits), "{content:?}: {fault}"),
    }
}

fn is_sound(content: &[u8], (size_limit, hop_limit): (u64, usize)) -> bool {
    let text: String = content.iter().map(|octet| char::from(*octet)).collect();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    let header = lines.iter().take_while(|line| !line.is_empty());
    let is_hop = |line: &&&str| line.to_ascii_lowercase().starts_with("received:");
    header.filter(is_hop).count() <= hop_limit
        && content.len() as u64 <= size_limit
        && !lines.iter().any(|line| line.contains(['\r', '\n', '\0']))
}

/// Content that is stuffed and decoded is the same, but for lone CR and LF,
/// which are sent as CRLF, and a CRLF at the end.
fn check_stuffing(pieces: &Pieces<'_>) {
    let stuff = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut stuffer, mut wire) = (DotStuffer::new(), Vec::new());
        pieces.for_each(|piece| stuffer.push(piece, &mut wire));
        stuffer.finish(&mut wire);
        wire
    };
    let wire = stuff(&mut pieces.clone());
    assert_eq!(wire, stuff(&mut std::iter::once(pieces.whole())));

    let header = [0xff; 4];
    let got = decode(
        Pieces::of(&[&header, wire.as_slice()].concat()).expect("pieces"),
        PLENTY,
    );
    assert!(got.rest.is_empty(), "the data ended early");
    match got.end.expect("an end") {
        Ok(_) => assert_eq!(got.content, normal(pieces.whole())),
        Err(fault) => assert!(fault == Fault::Nul && wire.contains(&0), "{fault}"),
    }
}

fn normal(content: &[u8]) -> Vec<u8> {
    let mut normal = Vec::new();
    for (i, octet) in content.iter().enumerate() {
        match octet {
            b'\n' if i > 0 && content[i - 1] == b'\r' => {}
            b'\r' | b'\n' => normal.extend_from_slice(b"\r\n"),
            other => normal.push(*other),
        }
    }
    if !normal.is_empty() && !normal.ends_with(b"\r\n") {
        normal.extend_from_slice(b"\r\n");
    }
    normal
}
