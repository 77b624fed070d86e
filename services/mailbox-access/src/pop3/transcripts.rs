//! Plays the dialogues of `tests/pop3/` against a [`Session`].
//!
//! A line `C:` is sent by the client with CRLF behind it, lines without another
//! between them at once; `S:` is said by the server, `*` tells what the session
//! asked of its driver. `tls: yes` at the top begins under TLS, `in use: yes` has
//! another session in the maildrop, `whole: yes` hands flights over in one piece;
//! else they come in pieces too. `BLESS=1` rewrites the files as the session
//! answers now.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use message::Timestamp;
use store::mailbox::Measure;

use super::maildrop::Maildrop;
use super::session::{Event, LoginRefusal, Session, SessionConfig};

const LETTER: &str = "Subject: x\r\n\r\n.dot\r\n";

#[test]
fn sessions_go_as_written() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/pop3");
    let mut played = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let written = fs::read_to_string(&path).unwrap();
        let whole = written.lines().any(|line| line == "whole: yes");
        let steps: &[usize] = if whole {
            &[usize::MAX]
        } else {
            &[1, 7, usize::MAX]
        };
        for &step in steps {
            let now = play(&written, step);
            if std::env::var_os("BLESS").is_some() {
                fs::write(&path, &now).unwrap();
            } else {
                assert_eq!(now, written, "{}, sent by {step}", path.display());
            }
        }
        played += 1;
    }
    assert!(played > 5, "{played} dialogues");
}

/// The transcript with the server's side as the session has it now.
fn play(written: &str, step: usize) -> String {
    let mut player = Player::new(written);
    let mut flight = Vec::new();
    for line in written.lines() {
        if let Some(text) = line.strip_prefix("C: ") {
            if flight.is_empty() {
                player.run();
            }
            flight.extend([text.as_bytes(), b"\r\n"].concat());
            player.log(line);
        } else if line.starts_with("S:") || line.starts_with('*') {
            player.hand_over(&mut flight, step);
        } else {
            player.log(line);
        }
    }
    player.hand_over(&mut flight, step);
    player.log
}

struct Player {
    session: Session,
    in_use: bool,
    log: String,
    over: bool,
}

impl Player {
    fn new(written: &str) -> Self {
        let set = |setting: &str| written.lines().any(|line| line == setting);
        let config = SessionConfig {
            hostname: "mail.example.org".parse().unwrap(),
            login_delay: set("login delay: yes").then_some(60),
        };
        Self {
            session: Session::new(Arc::new(config), set("tls: yes")),
            in_use: set("in use: yes"),
            log: String::new(),
            over: false,
        }
    }

    fn log(&mut self, line: &str) {
        self.log.push_str(line);
        self.log.push('\n');
    }

    fn hand_over(&mut self, flight: &mut Vec<u8>, step: usize) {
        let octets = std::mem::take(flight);
        for piece in octets.chunks(step.min(octets.len()).max(1)) {
            self.session.received(piece);
            // The output is looked at when all was sent, as a slow client does.
            if step == 1 {
                self.run();
            }
        }
        self.run();
    }

    fn run(&mut self) {
        while !self.over {
            match self.session.next_event() {
                Event::Receive => return,
                Event::Send => self.say(),
                Event::StartTls => {
                    self.log("* TLS begins");
                    self.session.secured();
                }
                Event::Login(credentials) => {
                    self.say();
                    let (user, password) = (&credentials.user, credentials.password.expose());
                    self.log(&format!("* login {user:?} with {password:?}"));
                    match (self.in_use, password) {
                        (true, _) => self.session.refuse_login(LoginRefusal::InUse),
                        (_, "secret") => self.session.accept_login(maildrop()),
                        (_, "soon") => self.session.refuse_login(LoginRefusal::TooSoon),
                        (_, "busy") => self.session.refuse_login(LoginRefusal::NotNow),
                        _ => self.session.refuse_login(LoginRefusal::Wrong),
                    }
                }
                Event::Retrieve(message, lines) => {
                    self.say();
                    self.log(&format!(
                        "* message {} is sent: {lines:?} lines",
                        message.uid
                    ));
                    if message.uid == 9 {
                        self.session.refuse_message("[SYS/TEMP] not now");
                    } else {
                        self.session.announce(LETTER.len() as u64);
                        self.say();
                        self.session.message_sent();
                    }
                }
                Event::Remove(uids) => {
                    self.say();
                    self.log(&format!("* {uids:?} are removed"));
                    self.session.removed(!uids.contains(&9));
                }
                Event::Close => {
                    self.log("* the server hangs up");
                    self.over = true;
                }
            }
        }
    }

    fn say(&mut self) {
        let output = String::from_utf8(self.session.output().to_vec()).unwrap();
        for line in output.lines() {
            self.log(&format!("S: {line}"));
        }
        self.session.sent();
    }
}

fn maildrop() -> Maildrop {
    let mut maildrop = Maildrop::new(77);
    let messages = [(4, 120), (7, 3_000), (9, 19)].map(|(uid, size)| Measure {
        uid,
        size,
        internal_date: Timestamp::UNIX_EPOCH,
        saved: Timestamp::UNIX_EPOCH,
    });
    maildrop.extend(&messages);
    maildrop
}
