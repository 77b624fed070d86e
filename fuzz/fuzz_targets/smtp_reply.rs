//! Replies of a server that sends anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp::{Reply, ReplyError, ReplyParser};

use fuzz::Pieces;

/// What a parser may hold: the lines it keeps, twice while one is made, and a
/// line on its way.
const MEMORY: usize = 160 * 1024;

fuzz_target!(|input: &[u8]| {
    let Some((setting, rest)) = input.split_first() else {
        return;
    };
    let Some(pieces) = Pieces::of(rest) else {
        return;
    };
    if setting & 1 == 1 {
        return check_endless(pieces.whole());
    }
    let (whole, error) = read(std::iter::once(pieces.whole()));
    let (parts, other) = read(pieces.clone());
    assert_eq!((&whole, error), (&parts, other));
    whole.iter().for_each(check);
});

/// The replies, and why no more could be read.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Reply>, Option<ReplyError>) {
    let (mut parser, mut replies) = (ReplyParser::new(), Vec::new());
    for mut piece in pieces {
        while !piece.is_empty() {
            match parser.feed(piece) {
                Ok((used, reply)) => {
                    assert!(used > 0, "no progress");
                    assert!(reply.is_some() || used == piece.len());
                    replies.extend(reply);
                    piece = &piece[used..];
                }
                Err(error) => return (replies, Some(error)),
            }
        }
    }
    (replies, None)
}

/// What is read, written in ASCII and read again is the same from then on.
fn check(reply: &Reply) {
    assert!((200..600).contains(&reply.code()));
    assert!((1..=ReplyParser::KEPT_LINES).contains(&reply.lines().len()));
    let class = reply.status().map(|status| u16::from(status.class()));
    assert!(class.is_none_or(|class| class == reply.code() / 100));
    assert!(!reply.to_string().chars().any(char::is_control));

    let write = |reply: &Reply| {
        let mut wire = Vec::new();
        reply.encode(&mut wire);
        assert!(wire.is_ascii());
        assert!(
            wire.split_inclusive(|b| *b == b'\n')
                .all(|line| line.len() <= 512)
        );
        wire
    };
    let again = Reply::parse(&write(reply)).expect("a reply");
    assert_eq!(again.code(), reply.code());
    assert_eq!(again.status(), reply.status());
    assert_eq!(again.lines().len(), reply.lines().len());
    assert_eq!(Reply::parse(&write(&again)), Ok(again));
}

/// A server that says such a line for ever is bounded.
fn check_endless(octets: &[u8]) {
    let mut line = b"250-".to_vec();
    line.extend(octets.iter().filter(|octet| **octet != b'\n'));
    // Of some length, since short lines take long to read.
    line.resize(line.len().clamp(256, 2000), b'x');
    line.push(b'\n');
    let before = fuzz::allocated();
    let mut parser = ReplyParser::new();
    let end = loop {
        match parser.feed(&line) {
            Ok((used, reply)) => assert_eq!((used, reply), (line.len(), None)),
            Err(error) => break error,
        }
        assert!(fuzz::allocated() <= before + MEMORY);
    };
    assert_eq!(end, ReplyError::TooLong);
}
