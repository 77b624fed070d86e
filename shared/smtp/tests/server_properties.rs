//! What holds for every session, whatever a client sends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use message::{AccountId, EnhancedStatus, MessageId};
use proptest::prelude::*;
use smtp::client::DotStuffer;
use smtp::command::ForwardPath;
use smtp::server::{Event, Role, Session, SessionConfig};
use smtp::{Reply, ReplyParser};

/// What a session said, and the contents it took for messages.
#[derive(Default)]
struct Seen {
    output: Vec<u8>,
    messages: Vec<Vec<u8>>,
}

/// Serves a client that sends `octets` in pieces of `step`.
fn serve(octets: &[u8], step: usize, role: Role) -> Seen {
    serve_pieces(octets.chunks(step), role)
}

fn serve_pieces<'a>(mut pieces: impl Iterator<Item = &'a [u8]>, role: Role) -> Seen {
    let config = SessionConfig {
        hostname: "mx.example.org".parse().unwrap(),
        role,
        starttls: true,
        size_limit: 500,
        max_recipients: 3,
        max_errors: 50,
        max_hops: 5,
    };
    let tls = (role == Role::Submission).then(|| "TLSv1.3".to_owned());
    let mut session = Session::new(Arc::new(config), None, tls);
    let (mut seen, mut content) = (Seen::default(), Vec::new());
    loop {
        match session.next_event() {
            Event::Send | Event::Receive => {
                seen.output.extend_from_slice(session.output());
                session.sent();
                let Some(piece) = pieces.next() else {
                    return seen;
                };
                session.input()[..piece.len()].copy_from_slice(piece);
                session.received(piece.len());
            }
            Event::Authenticate(_) => session.accept_login(AccountId::from_bits(1)),
            Event::Mail(_) => session.accept_mail(),
            Event::Recipient(ForwardPath::Postmaster) => {
                session.refuse(Reply::new(550, EnhancedStatus::new(5, 1, 1), "nobody"));
            }
            Event::Recipient(ForwardPath::Address(address)) => {
                let address = address.clone();
                session.accept_recipient(address);
            }
            Event::Data(_) => session.accept_data(),
            Event::Content(octets) => content.extend_from_slice(octets),
            Event::Message(arrival) => {
                assert_eq!(arrival.size, content.len() as u64);
                seen.messages.push(std::mem::take(&mut content));
                session.accept_message(MessageId::from_bits(1));
            }
            Event::Abandoned(_) => content.clear(),
            Event::StartTls => session.secured("TLSv1.3".into()),
            Event::Close => {
                seen.output.extend_from_slice(session.output());
                return seen;
            }
        }
    }
}

/// Pieces of dialogue, in any order.
fn dialogue() -> impl Strategy<Value = Vec<u8>> {
    let lines = prop::sample::select(vec![
        "EHLO c.example\r\n",
        "HELO c.example\r\n",
        "MAIL FROM:<a@b.example>\r\n",
        "MAIL FROM:<> SMTPUTF8 SIZE=10\r\n",
        "RCPT TO:<c@d.example>\r\n",
        "RCPT TO:<postmaster>\r\n",
        "DATA\r\n",
        "BDAT 4\r\n",
        "BDAT 7 LAST\r\n",
        "RSET\r\n",
        "NOOP\r\n",
        "STARTTLS\r\n",
        "AUTH PLAIN AGEAYg==\r\n",
        "AUTH LOGIN\r\n",
        "YQ==\r\n",
        "*\r\n",
        "Subject: x\r\n",
        "Received: x\r\n",
        "\r\n",
        ".\r\n",
        "..\r\n",
        ".",
        "\n",
        "\r",
        "\0",
        "ä",
        "x",
        "QUIT",
    ]);
    prop::collection::vec(lines, 0..60).prop_map(|lines| lines.concat().into_bytes())
}

/// What is taken of a transaction that sends its content so.
fn messages(content: &[u8], step: usize) -> Vec<Vec<u8>> {
    let begin = b"EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\n";
    // What is sent ahead behind DATA would end the session.
    let (command, rest) = match content.strip_prefix(b"DATA\r\n") {
        Some(rest) => (b"DATA\r\n".as_slice(), rest),
        None => (b"".as_slice(), content),
    };
    let begin = [begin, command].concat();
    serve_pieces(begin.chunks(step).chain(rest.chunks(step)), Role::Mx).messages
}

/// The content as BDAT sends it, cut into pieces of these sizes.
fn chunks(mut content: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut wire = Vec::new();
    for &cut in cuts {
        let (chunk, rest) = content.split_at(cut.min(content.len()));
        wire.extend(format!("BDAT {}\r\n", chunk.len()).bytes());
        wire.extend_from_slice(chunk);
        content = rest;
    }
    wire.extend(format!("BDAT {} LAST\r\n", content.len()).bytes());
    wire.extend_from_slice(content);
    wire
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_reply_is_well_formed(octets in dialogue(), step in 1_usize..200, submission: bool) {
        let role = if submission { Role::Submission } else { Role::Mx };
        let seen = serve(&octets, step, role);
        let mut rest = seen.output.as_slice();
        while !rest.is_empty() {
            let (used, reply) = ReplyParser::new().feed(rest).unwrap();
            let reply = reply.expect("whole replies only");
            let plain = matches!(reply.code(), 220 | 250 | 334 | 354);
            prop_assert!(reply.status().is_some() || plain, "{}", reply);
            rest = &rest[used..];
        }
    }

    #[test]
    fn no_message_holds_what_others_may_read_as_its_end(noise in "[\r\n.a]{0,12}", step in 1_usize..3) {
        let begin = "EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n";
        let wire = format!("{begin}{noise}\r\n.\r\n");
        let mut ended = 0;
        for message in serve(wire.as_bytes(), step, Role::Mx).messages {
            let lines = String::from_utf8(message).unwrap();
            prop_assert!(lines.is_empty() || lines.ends_with("\r\n"));
            prop_assert!(!lines.replace("\r\n", "").contains(['\r', '\n']));
            ended += 1;
        }
        prop_assert!(ended <= 1, "a second message was smuggled in");
    }

    #[test]
    fn chunks_carry_what_data_carries(
        content in "([\r\n.:aä]|\r\n|\r\n.|Received: ){0,60}",
        cuts in prop::collection::vec(0_usize..9, 0..40),
        step in 1_usize..99,
    ) {
        let (mut stuffer, mut data) = (DotStuffer::new(), b"DATA\r\n".to_vec());
        stuffer.push(content.as_bytes(), &mut data);
        stuffer.finish(&mut data);
        // The stuffer mends line ends, which is not what is compared here.
        let sound = !content.replace("\r\n", "").contains(['\r', '\n']);
        let chunked = messages(&chunks(content.as_bytes(), &cuts), step);
        if sound {
            prop_assert_eq!(chunked, messages(&data, step));
        } else {
            prop_assert!(chunked.is_empty());
        }
    }

    #[test]
    fn no_octets_make_a_session_panic(octets: Vec<u8>, step in 1_usize..50) {
        serve(&octets, step, Role::Mx);
        serve(&[b"EHLO c\r\n".as_slice(), &octets].concat(), step, Role::Submission);
    }
}
