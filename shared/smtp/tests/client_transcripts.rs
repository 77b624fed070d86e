//! Plays the transcripts of `transcripts/client/`: `S:` lines are fed to the
//! dialogue, and what it does must make the rest of the file.
//!
//! Above the `---` stand the options and the transactions to send; below it,
//! `S:` a line of the server (`S+:` one that arrives together with the next),
//! `C:` a line of the client, `*` what the driver does, `=` an answer.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::fmt::Write as _;

use message::{Body, Notify, Recipient, Ret};
use proptest::prelude::*;
use smtp::client::{Action, Credentials, Dialogue, Encryption, Framing, Options, Transaction};

mod transcripts;

#[test]
fn dialogues_go_as_written() {
    for file in transcripts::transcripts("client") {
        let text = std::fs::read_to_string(&file).unwrap();
        let (setup, expected) = text.split_once("---\n").unwrap();
        let played = play(setup, expected);
        assert_eq!(
            played,
            expected,
            "{}\n--- played:\n{played}",
            file.display()
        );
    }
}

struct Setup {
    options: Options,
    transactions: VecDeque<Transaction>,
    /// The octets of each chunk of a content; one of 100 if none are named.
    chunks: VecDeque<usize>,
    /// The last chunk cannot be sent whole.
    interrupted: bool,
}

fn play(setup: &str, script: &str) -> String {
    let Setup {
        options,
        mut transactions,
        chunks: sizes,
        interrupted,
    } = parse(setup);
    let mut chunks = VecDeque::new();
    let mut server: VecDeque<_> = script
        .lines()
        .filter(|line| line.starts_with('S'))
        .collect();
    let mut dialogue = Dialogue::new(options);
    let mut played = String::new();
    loop {
        match dialogue.next_action() {
            Action::Send(octets) => {
                for line in String::from_utf8(octets).unwrap().split_terminator("\r\n") {
                    writeln!(played, "C: {line}").unwrap();
                }
            }
            Action::Receive(stage) => {
                let Some(octets) = arrive(&mut server, &mut played) else {
                    writeln!(played, "* the connection broke while waiting at {stage}").unwrap();
                    for answer in dialogue.answers() {
                        let answer = answer.map(|a| format!("{}: {}", a.stage, a.reply));
                        writeln!(played, "= {}", answer.as_deref().unwrap_or("none")).unwrap();
                    }
                    return played;
                };
                dialogue.received(&octets);
            }
            Action::StartTls => {
                played.push_str("* TLS handshake\n");
                dialogue.encrypted();
            }
            Action::Ready => match transactions.pop_front() {
                Some(transaction) => match transaction.unfit(dialogue.capabilities()) {
                    Some(unfit) => writeln!(played, "* not sent: {unfit:?}").unwrap(),
                    None => {
                        chunks = sizes.clone();
                        dialogue.begin(transaction);
                    }
                },
                None => dialogue.quit(),
            },
            Action::SendContent(Framing::Dot) => {
                played.push_str("* content\n");
                dialogue.content_sent();
            }
            Action::SendContent(Framing::Chunks) => {
                let left = chunks.pop_front().unwrap_or(100);
                let last = chunks.is_empty();
                let command = String::from_utf8(dialogue.chunk(left, last)).unwrap();
                writeln!(played, "C: {}", command.trim_end()).unwrap();
                match interrupted && last {
                    true => dialogue.content_interrupted(),
                    false if last => dialogue.content_sent(),
                    false => {}
                }
            }
            Action::Answered(answers) => {
                for answer in answers {
                    writeln!(played, "= {}: {}", answer.stage, answer.reply).unwrap();
                }
            }
            Action::Close(end) => {
                writeln!(played, "* closed: {}", name(&format!("{end:?}"))).unwrap();
                return played;
            }
        }
    }
}

/// The next octets of the server, and their lines in what was played.
fn arrive(server: &mut VecDeque<&str>, played: &mut String) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    while let Some(line) = server.pop_front() {
        writeln!(played, "{line}").unwrap();
        let (tag, text) = line.split_once(": ").unwrap();
        octets.extend_from_slice(format!("{text}\r\n").as_bytes());
        if tag == "S" {
            return Some(octets);
        }
    }
    None
}

/// The variant's name out of its debug form.
fn name(debug: &str) -> &str {
    debug.split(['(', ' ']).next().unwrap()
}

fn parse(setup: &str) -> Setup {
    let mut options = Options {
        name: "client.example".parse().unwrap(),
        encryption: Encryption::None,
        credentials: None,
    };
    let mut transactions = VecDeque::new();
    let (mut chunks, mut interrupted) = (VecDeque::new(), false);
    for line in setup.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            ["tls", "opportunistic"] => options.encryption = Encryption::Opportunistic,
            ["tls", "required"] => options.encryption = Encryption::Required,
            ["interrupted"] => interrupted = true,
            ["chunks", sizes @ ..] => {
                chunks = sizes.iter().map(|size| size.parse().unwrap()).collect();
            }
            ["login", user, password] => {
                options.credentials = Some(Credentials::new(*user, *password).unwrap());
            }
            ["mail", path, parameters @ ..] => transactions.push_back(mail(path, parameters)),
            ["rcpt", address, parameters @ ..] => {
                let transaction = transactions.back_mut().unwrap();
                transaction.recipients.push(rcpt(address, parameters));
            }
            _ => panic!("{line:?} is no setup"),
        }
    }
    Setup {
        options,
        transactions,
        chunks,
        interrupted,
    }
}

fn mail(path: &str, parameters: &[&str]) -> Transaction {
    let mut transaction = Transaction {
        return_path: path.parse().unwrap(),
        recipients: Vec::new(),
        size: 100,
        body: Body::SevenBit,
        smtputf8: false,
        ret: None,
        envelope_id: None,
    };
    for parameter in parameters {
        match parameter.split_once('=').unwrap_or((parameter, "")) {
            ("8bit", _) => transaction.body = Body::EightBit,
            ("utf8", _) => transaction.smtputf8 = true,
            ("ret", "full") => transaction.ret = Some(Ret::Full),
            ("ret", "hdrs") => transaction.ret = Some(Ret::Hdrs),
            ("envid", id) => transaction.envelope_id = Some(id.parse().unwrap()),
            _ => panic!("{parameter:?} is no parameter of mail"),
        }
    }
    transaction
}

fn rcpt(address: &str, parameters: &[&str]) -> Recipient {
    let mut recipient = Recipient::new(address.parse().unwrap());
    for parameter in parameters {
        match parameter.split_once('=').unwrap() {
            ("notify", "never") => recipient.notify = Notify::Never,
            ("notify", list) => {
                let has = |word| list.contains(word);
                let (success, failure, delay) = (has("success"), has("failure"), has("delay"));
                recipient.notify = Notify::When {
                    success,
                    failure,
                    delay,
                };
            }
            ("orcpt", original) => recipient.orcpt = Some(original.parse().unwrap()),
            _ => panic!("{parameter:?} is no parameter of rcpt"),
        }
    }
    recipient
}

/// Lines that a server may say, so that random dialogues get far.
const LINES: [&str; 13] = [
    "220 hello\r\n",
    "250 ok\r\n",
    "250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n",
    "250-mx\r\n",
    "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n",
    "354 go on\r\n",
    "450 4.2.0 later\r\n",
    "550 5.1.1 never\r\n",
    "421 4.3.2 bye\r\n",
    "334 dXNlcg==\r\n",
    "235 welcome\r\n",
    "garbage\r\n",
    "25",
];

proptest! {
    #[test]
    fn whatever_a_server_says_the_dialogue_ends(
        lines in prop::collection::vec(0..LINES.len(), 0..40), opportunistic: bool,
    ) {
        let mut options = parse("login alice secret").options;
        options.credentials = options.credentials.filter(|_| !opportunistic);
        options.encryption = if opportunistic { Encryption::Opportunistic } else { Encryption::Required };
        let mut dialogue = Dialogue::new(options);
        let mut lines = lines.into_iter().map(|index| LINES[index]);
        let (mut transactions, mut chunk) = (3, 0);
        for _ in 0..1000 {
            match dialogue.next_action() {
                Action::Send(octets) => prop_assert!(octets.ends_with(b"\r\n")),
                Action::Receive(_) => match lines.next() {
                    Some(line) => dialogue.received(line.as_bytes()),
                    None => return Ok(()),
                },
                Action::StartTls => dialogue.encrypted(),
                Action::Ready if transactions == 0 => dialogue.quit(),
                Action::Ready => {
                    transactions -= 1;
                    let mut transaction = mail("<a@b.example>", &[]);
                    transaction.recipients = vec![rcpt("c@d.example", &[]), rcpt("e@d.example", &[])];
                    dialogue.begin(transaction);
                }
                Action::SendContent(Framing::Dot) => dialogue.content_sent(),
                Action::SendContent(Framing::Chunks) => {
                    chunk += 1;
                    let last = chunk % 40 == 0;
                    prop_assert!(dialogue.chunk(chunk, last).starts_with(b"BDAT "));
                    if last {
                        dialogue.content_sent();
                    }
                }
                Action::Answered(answers) => prop_assert_eq!(answers.len(), 2),
                Action::Close(_) => return Ok(()),
            }
        }
        prop_assert!(false, "the dialogue goes in circles");
    }
}
