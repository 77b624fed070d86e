//! Plays the dialogues of `transcripts/server/` against a [`Session`].
//!
//! A line `C:` is sent by the client with CRLF behind it; `c:` is sent as it
//! stands, with `\r`, `\n`, `\0` and `\xHH` for octets, and `\{70x}` for a row of
//! them. Such lines without another between them are sent at once. `P:` and `p:`
//! are sent by a proxy, before the session begins. `S:` is said by the server,
//! `*` tells what the session asked of its driver. `role:` and `tls:` at the top
//! set the session up. `BLESS=1` rewrites the files as the session answers now.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use message::{AccountId, Address, EnhancedStatus, MessageId, Notify};
use smtp::Reply;
use smtp::command::ForwardPath;
use smtp::proxy::ProxyHeader;
use smtp::server::{Arrival, Event, Role, Session, SessionConfig};

mod transcripts;

#[test]
fn sessions_go_as_written() {
    for path in transcripts::transcripts("server") {
        let written = fs::read_to_string(&path).unwrap();
        for step in [1, 7, usize::MAX] {
            let played = play(&written, step);
            if std::env::var_os("BLESS").is_some() {
                fs::write(&path, &played).unwrap();
            } else {
                assert_eq!(played, written, "{}, sent by {step}", path.display());
            }
        }
    }
}

/// The transcript with the server's side as the session has it now. Where the
/// client sends a group, it is handed over in pieces of `step` octets, but for
/// the sessions that are about what stands in the buffer together.
fn play(written: &str, step: usize) -> String {
    let mut player = Player::new(written);
    let whole = written.lines().any(|line| line == "whole: yes");
    let mut group = Vec::new();
    for line in written.lines() {
        match line
            .split_once(": ")
            .or_else(|| line.strip_suffix(':').map(|key| (key, "")))
        {
            Some(("C", text)) => {
                group.extend([text.as_bytes(), b"\r\n"].concat());
                player.log(line);
            }
            Some(("c", text)) => {
                group.extend(unescape(text));
                player.log(line);
            }
            Some(("P", text)) => player.proxied([text.as_bytes(), b"\r\n"].concat(), line),
            Some(("p", text)) => player.proxied(unescape(text), line),
            Some(("S", _)) => player.hand_over(&mut group, if whole { usize::MAX } else { step }),
            _ if line.starts_with('*') => {
                player.hand_over(&mut group, if whole { usize::MAX } else { step });
            }
            _ => player.log(line),
        }
    }
    player.hand_over(&mut group, if whole { usize::MAX } else { step });
    player.log
}

fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        let octet = match octet {
            b'\\' => match rest.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b'0') => 0,
                Some(b'{') => {
                    let row: Vec<u8> = rest.by_ref().take_while(|octet| *octet != b'}').collect();
                    let (octet, count) = row.split_last().unwrap();
                    let count: usize = std::str::from_utf8(count).unwrap().parse().unwrap();
                    octets.extend(std::iter::repeat_n(*octet, count - 1));
                    *octet
                }
                Some(b'x') => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => panic!("\\{other:?} in {text:?}"),
            },
            octet => octet,
        };
        octets.push(octet);
    }
    octets
}

struct Player {
    session: Session,
    role: Role,
    greeted: bool,
    /// No session comes about.
    refused: bool,
    log: String,
}

impl Player {
    fn new(written: &str) -> Self {
        let setting = |name: &str| written.lines().find_map(|line| line.strip_prefix(name));
        let role = match setting("role: ") {
            Some("submission") => Role::Submission,
            _ => Role::Mx,
        };
        let config = SessionConfig {
            hostname: "mx.example.org".parse().unwrap(),
            role,
            starttls: setting("starttls: ") != Some("no"),
            size_limit: 1000,
            max_recipients: 3,
            max_errors: 6,
            max_hops: 3,
        };
        let tls = setting("tls: ").map(str::to_owned);
        let session = Session::new(Arc::new(config), Some([192, 0, 2, 1].into()), tls);
        Self {
            session,
            role,
            greeted: false,
            refused: false,
            log: String::new(),
        }
    }

    fn log(&mut self, line: &str) {
        writeln!(self.log, "{line}").unwrap();
    }

    /// What a proxy says of the client; not an octet of it before the last
    /// makes a header.
    fn proxied(&mut self, header: Vec<u8>, line: &str) {
        self.log(line);
        let parsed = (0..=header.len())
            .map(|length| ProxyHeader::parse(&header[..length]))
            .find(|parsed| !matches!(parsed, Ok(None)));
        match parsed.expect("a whole header") {
            Ok(Some((told, length))) => {
                assert_eq!(length, header.len(), "{line}");
                match told {
                    ProxyHeader::Client(client) => self.log(&format!("* the client is {client}")),
                    ProxyHeader::Local => self.log("* no client is named"),
                }
            }
            Ok(None) => {}
            Err(error) => {
                self.log(&format!("* closed: {error}"));
                self.refused = true;
            }
        }
    }

    fn hand_over(&mut self, group: &mut Vec<u8>, step: usize) {
        if self.refused {
            return;
        }
        if !std::mem::replace(&mut self.greeted, true) {
            self.work();
        }
        while !group.is_empty() {
            let spare = self.session.input();
            let count = group.len().min(step).min(spare.len());
            spare[..count].copy_from_slice(&group[..count]);
            self.session.received(count);
            group.drain(..count);
            self.work();
        }
    }

    fn say(&mut self) {
        let output = String::from_utf8(self.session.output().to_vec()).unwrap();
        for line in output.split_terminator("\r\n") {
            self.log(format!("S: {line}").trim_end());
        }
        self.session.sent();
    }

    /// Answers the session until it wants more octets or the end.
    fn work(&mut self) {
        loop {
            self.say();
            let mut line = None;
            match self.session.next_event() {
                Event::Send => {}
                Event::Receive => return self.say(),
                Event::Authenticate(credentials) => {
                    let known = credentials.user == "alice@example.org"
                        && credentials.password.expose() == "secret";
                    if known {
                        self.session.accept_login(AccountId::from_bits(7));
                    } else {
                        self.session
                            .refuse(reply(535, (5, 7, 8), "Credentials invalid"));
                    }
                }
                Event::Mail(mail) => {
                    if mail.sender.to_string().starts_with("<banned") {
                        self.session.refuse(reply(550, (5, 7, 1), "Go away"));
                    } else {
                        self.session.accept_mail();
                    }
                }
                Event::Recipient(path) => match judge(path, self.role) {
                    Ok(address) => self.session.accept_recipient(address),
                    Err(refusal) => self.session.refuse(refusal),
                },
                Event::Data(envelope) => {
                    if envelope.recipients.len() == 2 {
                        self.session.refuse(reply(451, (4, 3, 0), "Not now"));
                    } else {
                        self.session.accept_data();
                    }
                }
                Event::Content(octets) => {
                    if octets.contains(&b'!') {
                        self.session.refuse(reply(452, (4, 3, 1), "Disk full"));
                    }
                }
                Event::Message(arrival) => {
                    line = Some(summary(arrival));
                    self.session.accept_message(MessageId::from_bits(0xabc));
                }
                Event::Abandoned(fault) => line = Some(format!("* abandoned {fault:?}")),
                Event::StartTls => {
                    self.say();
                    self.session.secured("TLSv1.3".into());
                    line = Some("* TLS handshake".into());
                }
                Event::Close => {
                    self.say();
                    if !self.log.ends_with("* closed\n") {
                        self.log("* closed");
                    }
                    return;
                }
            }
            if let Some(line) = line {
                if line.starts_with("* abandoned") {
                    self.say();
                }
                self.log(&line);
            }
        }
    }
}

/// A message on one line, as far as it is not the usual.
fn summary(arrival: &Arrival) -> String {
    let Arrival { envelope, size } = arrival;
    let mut line = format!("* message from {}", envelope.return_path);
    for recipient in &envelope.recipients {
        write!(line, " to <{}>", recipient.address).unwrap();
        if recipient.notify != Notify::Unspecified {
            write!(line, " notify {:?}", recipient.notify).unwrap();
        }
        if let Some(orcpt) = &recipient.orcpt {
            write!(line, " originally {orcpt}").unwrap();
        }
    }
    if let Some(id) = &envelope.envelope_id {
        write!(line, " envid {id}").unwrap();
    }
    if let Some(ret) = envelope.ret {
        write!(line, " return {ret:?}").unwrap();
    }
    if let Some(account) = envelope.transaction.account {
        write!(line, " by account {account}").unwrap();
    }
    let smtputf8 = if envelope.smtputf8 {
        ", needs SMTPUTF8"
    } else {
        ""
    };
    let body = envelope.body;
    write!(
        line,
        " with {}: {size} octets, {body:?}{smtputf8}",
        envelope.transaction.protocol
    )
    .unwrap();
    line
}

fn judge(path: &ForwardPath, role: Role) -> Result<Address, Reply> {
    let address = match path {
        ForwardPath::Postmaster => "postmaster@example.org".parse().unwrap(),
        ForwardPath::Address(address) => address.clone(),
    };
    let local = address.domain().as_str() == "example.org";
    match address.local_part().as_str() {
        _ if !local && role == Role::Submission => Ok(address),
        _ if !local => Err(reply(550, (5, 7, 1), "We do not relay")),
        "nobody" => Err(reply(550, (5, 1, 1), "No such recipient")),
        "full" => Err(reply(452, (4, 2, 2), "The mailbox is full")),
        _ => Ok(address),
    }
}

fn reply(code: u16, (class, subject, detail): (u8, u16, u16), text: &str) -> Reply {
    Reply::new(code, EnhancedStatus::new(class, subject, detail), text)
}
