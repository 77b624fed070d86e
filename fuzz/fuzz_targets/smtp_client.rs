//! A dialogue with a server that sends anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use message::{Body, Notify, Recipient, Ret};
use smtp::client::{
    Action, Answer, Credentials, Dialogue, Encryption, End, Framing, Options, Stage, Transaction,
};

use fuzz::Pieces;

/// What a dialogue may hold, its transaction included.
const MEMORY: usize = 256 * 1024;

fuzz_target!(|input: &[u8]| {
    let Some((&setting, rest)) = input.split_first() else {
        return;
    };
    let Some(pieces) = Pieces::of(rest) else {
        return;
    };
    let mut driver = Driver::new(Setting(setting));
    let before = fuzz::allocated();
    let bound = 20 * pieces.whole().len() + 1000;
    let mut pieces = pieces.peekable();
    for _ in 0..bound {
        let goes_on = driver.turn(&mut pieces);
        driver.check_answers(&driver.dialogue.answers());
        assert!(fuzz::allocated() <= before + MEMORY);
        if !goes_on {
            return;
        }
    }
    panic!("the dialogue neither waits nor closes");
});

/// How the driver is set up, a bit for each choice.
#[derive(Clone, Copy)]
struct Setting(u8);

impl Setting {
    fn encryption(self) -> Encryption {
        match self.0 & 0b11 {
            0 => Encryption::None,
            1 => Encryption::Required,
            _ => Encryption::Opportunistic,
        }
    }

    fn logs_in(self) -> bool {
        self.0 & 4 != 0
    }

    fn under_tls(self) -> bool {
        self.0 & 8 != 0
    }

    fn breaks_content(self) -> bool {
        self.0 & 16 != 0
    }

    fn beyond_ascii(self) -> bool {
        self.0 & 32 != 0
    }

    /// Of the content, where the server takes chunks.
    fn chunks(self) -> usize {
        if self.0 & 64 != 0 { 40 } else { 2 }
    }
}

struct Driver {
    setting: Setting,
    dialogue: Dialogue,
    encrypted: bool,
    /// How many transactions were begun.
    begun: usize,
    /// Chunks of this one that were sent.
    chunks: usize,
    /// All content of this one was sent.
    sent: bool,
    recipients: usize,
}

impl Driver {
    fn new(setting: Setting) -> Self {
        let credentials = setting
            .logs_in()
            .then(|| Credentials::new("user", "secret"));
        let options = Options {
            name: "relay.example".parse().unwrap(),
            encryption: setting.encryption(),
            credentials: credentials.transpose().unwrap(),
        };
        let mut dialogue = Dialogue::new(options);
        if setting.under_tls() {
            dialogue.encrypted();
        }
        Self {
            setting,
            dialogue,
            encrypted: setting.under_tls(),
            begun: 0,
            chunks: 0,
            sent: false,
            recipients: 0,
        }
    }

    /// One action; whether the dialogue goes on.
    fn turn<'a>(&mut self, pieces: &mut impl Iterator<Item = &'a [u8]>) -> bool {
        match self.dialogue.next_action() {
            Action::Send(octets) => self.check_commands(&octets),
            Action::Receive(_) => match pieces.next() {
                Some(piece) => self.dialogue.received(piece),
                None => return false,
            },
            Action::StartTls => {
                assert!(!self.encrypted, "TLS twice");
                self.encrypted = true;
                self.dialogue.encrypted();
            }
            Action::Ready if self.begun == 3 => self.dialogue.quit(),
            Action::Ready => {
                let required = self.setting.encryption() == Encryption::Required;
                assert!(self.encrypted || !(required || self.setting.logs_in()));
                self.begin();
            }
            Action::SendContent(framing) => self.send_content(framing),
            Action::Answered(answers) => {
                assert_eq!(answers.len(), self.recipients);
                let answers: Vec<_> = answers.into_iter().map(Some).collect();
                self.check_answers(&answers);
            }
            Action::Close(end) => {
                self.check_end(&end);
                assert_eq!(self.dialogue.next_action(), Action::Close(end));
                return false;
            }
        }
        true
    }

    fn begin(&mut self) {
        let transaction = transaction(self.setting, 1 + self.begun);
        self.begun += 1;
        self.chunks = 0;
        self.sent = false;
        self.recipients = transaction.recipients.len();
        self.dialogue.begin(transaction);
    }

    /// A block of the content, or a part of it before the connection breaks.
    fn send_content(&mut self, framing: Framing) {
        assert!(!self.sent, "content twice");
        let last = match framing {
            Framing::Dot => true,
            Framing::Chunks => {
                self.chunks += 1;
                let last = self.chunks == self.setting.chunks();
                let command = self.dialogue.chunk(100, last);
                self.check_commands(&command);
                last
            }
        };
        if last && self.setting.breaks_content() {
            self.dialogue.content_interrupted();
        } else if last {
            self.sent = true;
            self.dialogue.content_sent();
        }
    }

    /// Whole lines, in which nothing is smuggled, and no password in clear.
    fn check_commands(&self, octets: &[u8]) {
        let text = std::str::from_utf8(octets).expect("UTF-8");
        assert!(text.ends_with("\r\n"));
        for line in text.split_terminator("\r\n") {
            assert!(!line.chars().any(char::is_control), "{line:?}");
            assert!(line.len() <= 2046, "{line:?}");
            assert!(self.encrypted || !line.starts_with("AUTH"));
        }
    }

    /// A message counts as taken only if its content was sent.
    fn check_answers(&self, answers: &[Option<Answer>]) {
        for Answer { stage, reply } in answers.iter().flatten() {
            assert!(matches!(
                stage,
                Stage::Mail | Stage::Rcpt | Stage::Data | Stage::Dot
            ));
            if reply.is_positive() {
                assert!(*stage == Stage::Dot && self.sent, "{stage}: {reply}");
                assert!((200..300).contains(&reply.code()), "{reply}");
            }
        }
    }

    fn check_end(&self, end: &End) {
        match end {
            End::Quit => assert_eq!(self.begun, 3),
            End::NoEncryption(_) => {
                assert!(!self.encrypted);
                assert_eq!(self.setting.encryption(), Encryption::Required);
            }
            End::NoLogin => assert!(self.setting.logs_in()),
            End::Refused(Answer { reply, .. }) => assert!(!reply.is_positive(), "{reply}"),
            End::Unexpected(Answer { reply, .. }) => assert!(reply.is_positive(), "{reply}"),
            End::Malformed(..) | End::Unsolicited(_) => {}
        }
    }
}

fn transaction(setting: Setting, recipients: usize) -> Transaction {
    let local = match setting.beyond_ascii() {
        true => "grün",
        false => "\"a b\"",
    };
    let recipient = |n| Recipient {
        address: format!("{local}@d{n}.example").parse().unwrap(),
        notify: Notify::When {
            success: true,
            failure: false,
            delay: true,
        },
        orcpt: Some(format!("utf-8;grün{n}@b.example").parse().unwrap()),
    };
    Transaction {
        return_path: "<alice@example.org>".parse().unwrap(),
        recipients: (0..recipients).map(recipient).collect(),
        size: 1000,
        body: Body::EightBit,
        smtputf8: setting.beyond_ascii(),
        ret: Some(Ret::Hdrs),
        envelope_id: Some("a+b=c".parse().unwrap()),
    }
}
