//! A session whose client sends anything, and whose driver answers anything.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use message::{AccountId, EnhancedStatus, MessageId};
use smtp::command::ForwardPath;
use smtp::server::{Arrival, Event, Role, Session, SessionConfig};
use smtp::{Reply, ReplyParser};

use fuzz::Pieces;

/// What a session may hold, however much the client sends.
const MEMORY: usize = 300 * 1024;
const SIZE_LIMIT: u64 = 400;
const MAX_RECIPIENTS: usize = 5;

fuzz_target!(|input: &[u8]| {
    let Some((&[setting, answers], rest)) = input.split_first_chunk() else {
        return;
    };
    let Some(pieces) = Pieces::of(rest) else {
        return;
    };
    let mut driver = Driver::new(setting, answers);
    driver.work();
    for piece in pieces {
        driver.hand_over(piece);
    }
    // A client that makes sense at last gets an answer.
    if driver.awaits_dot {
        driver.hand_over(b"\r\n.\r\n");
        assert!(
            driver.closed || !driver.awaits_dot,
            "no answer to the end of data"
        );
    }
    // Unless what it says is part of a chunk.
    let heard = driver.replies;
    driver.hand_over(b"\r\nNOOP\r\n");
    let answered = driver.closed || driver.replies > heard;
    assert!(answered || driver.session.is_receiving(), "no answer");
});

struct Driver {
    session: Session,
    before: usize,
    /// A bit decides each answer: 0 is yes.
    answers: u8,
    content: Content,
    replies: usize,
    /// The last reply was 354.
    awaits_dot: bool,
    closed: bool,
}

/// What is known of the content of a transaction.
#[derive(Default)]
struct Content {
    size: u64,
    cr: bool,
}

impl Driver {
    fn new(setting: u8, answers: u8) -> Self {
        let role = match setting & 1 {
            0 => Role::Mx,
            _ => Role::Submission,
        };
        let config = SessionConfig {
            hostname: "mx.example.org".parse().unwrap(),
            role,
            starttls: setting & 2 == 0,
            size_limit: SIZE_LIMIT,
            max_recipients: MAX_RECIPIENTS,
            max_errors: 20,
            max_hops: 3,
        };
        let before = fuzz::allocated();
        let tls = (setting & 4 != 0).then(|| "TLSv1.3".to_owned());
        Self {
            session: Session::new(Arc::new(config), Some([192, 0, 2, 1].into()), tls),
            before,
            answers,
            content: Content::default(),
            replies: 0,
            awaits_dot: false,
            closed: false,
        }
    }

    fn hand_over(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() && !self.closed {
            let room = self.session.input();
            assert!(!room.is_empty(), "no room for what comes");
            let (now, later) = octets.split_at(octets.len().min(room.len()));
            room[..now.len()].copy_from_slice(now);
            self.session.received(now.len());
            octets = later;
            self.work();
        }
    }

    /// Does what the session asks for until it waits for the client.
    fn work(&mut self) {
        // A buffer holds no more commands than octets, and each asks a few things.
        for _ in 0..100_000 {
            let waits = self.turn();
            let held = fuzz::allocated().saturating_sub(self.before);
            assert!(held <= MEMORY, "the session holds {held} octets");
            if waits || self.closed {
                return;
            }
        }
        panic!("the session neither waits nor closes");
    }

    /// One event; whether the session waits for the client.
    fn turn(&mut self) -> bool {
        let answer = self.answer();
        match self.session.next_event() {
            Event::Content(octets) => {
                self.content.take(octets);
                if let Err(reply) = answer {
                    self.session.refuse(reply);
                }
            }
            Event::Abandoned(_) => self.content = Content::default(),
            Event::StartTls => {
                self.listen();
                self.session.secured("TLSv1.3".into());
            }
            Event::Send => self.listen(),
            Event::Receive => {
                self.listen();
                return true;
            }
            Event::Close => {
                self.listen();
                assert!(matches!(self.session.next_event(), Event::Close));
                self.closed = true;
            }
            Event::Authenticate(_) => self.decide(answer, |session| {
                session.accept_login(AccountId::from_bits(1));
            }),
            Event::Mail(_) => self.decide(answer, Session::accept_mail),
            Event::Recipient(path) => {
                let address = match path {
                    ForwardPath::Postmaster => "postmaster@example.org".parse().unwrap(),
                    ForwardPath::Address(address) => address.clone(),
                };
                self.decide(answer, |session| session.accept_recipient(address));
            }
            Event::Data(envelope) => {
                let count = envelope.recipients.len();
                assert!((1..=MAX_RECIPIENTS).contains(&count));
                self.content = Content::default();
                self.decide(answer, Session::accept_data);
            }
            Event::Message(arrival) => {
                std::mem::take(&mut self.content).check(arrival);
                self.decide(answer, |session| {
                    session.accept_message(MessageId::from_bits(1));
                });
            }
        }
        false
    }

    fn answer(&mut self) -> Result<(), Reply> {
        self.answers = self.answers.rotate_left(1);
        match self.answers & 0b11 {
            0b01 => Err(Reply::new(450, EnhancedStatus::new(4, 3, 0), "Later")),
            0b11 => Err(Reply::new(550, EnhancedStatus::new(5, 7, 1), "Never")),
            _ => Ok(()),
        }
    }

    fn decide(&mut self, answer: Result<(), Reply>, accept: impl FnOnce(&mut Session)) {
        match answer {
            Ok(()) => accept(&mut self.session),
            Err(reply) => self.session.refuse(reply),
        }
    }

    /// What is sent are whole replies that every client can read.
    fn listen(&mut self) {
        let mut rest = self.session.output();
        assert!(
            rest.split_inclusive(|b| *b == b'\n')
                .all(|line| line.len() <= 512)
        );
        while !rest.is_empty() {
            let (used, reply) = ReplyParser::new().feed(rest).expect("a reply");
            let reply = reply.expect("a whole reply");
            let plain = matches!(reply.code(), 220 | 250 | 334 | 354);
            assert!(reply.status().is_some() || plain, "{reply}");
            self.awaits_dot = reply.code() == 354;
            self.replies += 1;
            rest = &rest[used..];
        }
        self.session.sent();
    }
}

impl Content {
    /// Takes octets that must be free of what others take for line ends.
    fn take(&mut self, octets: &[u8]) {
        for octet in octets {
            assert_ne!(*octet, 0, "a NUL");
            assert_eq!(*octet == b'\n', self.cr, "a line end that is none");
            self.cr = *octet == b'\r';
        }
        self.size += octets.len() as u64;
    }

    fn check(self, arrival: &Arrival) {
        assert!(!self.cr);
        assert_eq!(arrival.size, self.size);
        assert!(arrival.size <= SIZE_LIMIT);
    }
}
