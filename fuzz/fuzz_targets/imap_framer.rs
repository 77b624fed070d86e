//! A client that sends anything: pieces come to the same as the whole, limits
//! hold, and the next command is found.
#![no_main]

use fuzz::Pieces;
use imap::{Event, Framer, Limits, Tagged};
use libfuzzer_sys::fuzz_target;

/// What a framer may hold, however much the client sends.
const MEMORY: usize = 64 * 1024;

const LIMITS: Limits = Limits {
    command: 500,
    literals: 3,
    unasked: Some(100),
    discarded: 10_000,
};

fuzz_target!(|input: &[u8]| {
    let Some((&answers, rest)) = input.split_first() else {
        return;
    };
    let Some(pieces) = Pieces::of(rest) else {
        return;
    };
    let mut whole = Driver::new(answers);
    whole.hand_over(pieces.whole());
    let mut driver = Driver::new(answers);
    for piece in pieces {
        driver.hand_over(piece);
    }
    assert_eq!(driver.seen, whole.seen);
});

struct Driver {
    framer: Framer,
    before: usize,
    /// A bit decides about each message: 0 is yes.
    answers: u8,
    /// What is awaited of a message.
    left: Option<u64>,
    seen: Vec<Vec<u8>>,
    flooded: bool,
}

impl Driver {
    fn new(answers: u8) -> Self {
        Self {
            framer: Framer::new(LIMITS),
            before: fuzz::allocated(),
            answers,
            left: None,
            seen: Vec::new(),
            flooded: false,
        }
    }

    fn hand_over(&mut self, mut octets: &[u8]) {
        while !self.flooded {
            let (count, event) = self.framer.feed(octets);
            octets = &octets[count..];
            let mut coming = None;
            let seen = match event {
                Event::More => {
                    assert!(octets.is_empty(), "octets left for later");
                    break;
                }
                Event::Octets(octets) => {
                    let left = self.left.as_mut().expect("a message is awaited");
                    *left -= octets.len() as u64;
                    continue;
                }
                Event::MessageEnd => {
                    assert_eq!(self.left.take(), Some(0));
                    b"message".to_vec()
                }
                Event::Command(command) => {
                    assert!(command.len() <= LIMITS.command && command.ends_with(b"\n"));
                    let _ = Tagged::parse(command, Default::default());
                    command.to_vec()
                }
                Event::Append(append, message) => {
                    coming = Some(message.size);
                    format!("{append:?} {message:?}").into_bytes()
                }
                Event::AppendNext(message) => {
                    coming = Some(message.size);
                    format!("{message:?}").into_bytes()
                }
                Event::Flood => {
                    self.flooded = true;
                    b"flood".to_vec()
                }
                other => format!("{other:?}").into_bytes(),
            };
            self.seen.push(seen);
            if let Some(size) = coming {
                self.decide(size);
            }
        }
        let seen: usize = self.seen.iter().map(|seen| seen.capacity() + 24).sum();
        let held = fuzz::allocated().saturating_sub(self.before + 2 * seen);
        assert!(held <= MEMORY, "the framer holds {held} octets");
    }

    fn decide(&mut self, size: u64) {
        self.answers = self.answers.rotate_left(1);
        match self.answers & 1 {
            0 => {
                self.left = Some(size);
                self.framer.accept();
            }
            _ => self.framer.refuse(),
        }
    }
}
