//! The session: its loop, and how its driver answers.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use message::{AccountId, Address, MessageId};

use super::SessionConfig;
use super::event::Event;
use super::input::Input;
use super::replies;
use super::state::{Begun, Peer, Question, State};
use crate::data::Fault;
use crate::reply::Reply;

/// Replies that gather before they are sent although more commands wait.
const OUTPUT_MAX: usize = 4096;

/// Logins that may fail in one session.
const MAX_FAILED_LOGINS: u32 = 3;

/// A session with one client.
pub struct Session {
    pub(super) config: Arc<SessionConfig>,
    pub(super) peer: Peer,
    pub(super) state: State,
    pub(super) input: Input,
    output: Vec<u8>,
    errors: u32,
    failed_logins: u32,
}

/// What a step of the session's loop came to.
pub(super) enum Step {
    Again,
    Receive,
    /// Content that stands in the buffer.
    Content(Range<usize>),
    /// Content that the client left out.
    Added(&'static [u8]),
    Abandoned(Option<Fault>),
}

impl Session {
    /// A session that greets the client; `tls` describes the connection's TLS
    /// where it has that from the start.
    pub fn new(config: Arc<SessionConfig>, client: Option<IpAddr>, tls: Option<String>) -> Self {
        let mut session = Self {
            config,
            peer: Peer {
                client,
                tls,
                hello: None,
                account: None,
            },
            state: State::Idle,
            input: Input::new(),
            output: Vec::new(),
            errors: 0,
            failed_logins: 0,
        };
        session.reply(replies::greeting(&session.config.hostname));
        session
    }

    /// Where to read octets of the client into; never empty. What an event lent
    /// is overwritten.
    pub fn input(&mut self) -> &mut [u8] {
        self.input.spare()
    }

    /// Says that `count` octets were read into [`Session::input`].
    pub fn received(&mut self, count: usize) {
        self.input.filled(count);
    }

    /// What is to be sent to the client.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// Says that all of [`Session::output`] was sent.
    pub fn sent(&mut self) {
        self.output.clear();
    }

    /// The account that logged in.
    pub fn account(&self) -> Option<AccountId> {
        self.peer.account
    }

    /// Whether a transaction is running.
    pub fn in_transaction(&self) -> bool {
        match &self.state {
            State::Open(_)
            | State::Receiving(_)
            | State::Chunk(..)
            | State::Chunks(_)
            | State::Unwanted(..) => true,
            State::Asked(question) => !matches!(question, Question::Authenticate(_)),
            State::Idle | State::Challenged(_) | State::Handshake | State::Closing => false,
        }
    }

    /// Whether the client is sending content.
    pub fn is_receiving(&self) -> bool {
        matches!(
            self.state,
            State::Receiving(_) | State::Chunk(..) | State::Unwanted(..)
        )
    }

    /// Works off what was received, up to the next thing for the driver to do.
    pub fn next_event(&mut self) -> Event<'_> {
        let step = loop {
            if self.output.len() >= OUTPUT_MAX {
                return Event::Send;
            }
            match self.step() {
                Some(Step::Again) => {}
                step => break step,
            }
        };
        match step {
            Some(Step::Again | Step::Receive) => Event::Receive,
            Some(Step::Content(range)) => Event::Content(self.input.taken(range)),
            Some(Step::Added(octets)) => Event::Content(octets),
            Some(Step::Abandoned(fault)) => Event::Abandoned(fault),
            None => self.standing_event(),
        }
    }

    /// One step; none where the state itself tells the event.
    fn step(&mut self) -> Option<Step> {
        match &self.state {
            State::Idle | State::Open(_) | State::Challenged(_) | State::Chunks(_) => {
                Some(self.line())
            }
            State::Receiving(_) => Some(self.data_octets()),
            State::Chunk(..) => Some(self.chunk_octets()),
            State::Unwanted(..) => Some(self.unwanted_octets()),
            State::Asked(_) | State::Handshake | State::Closing => None,
        }
    }

    fn standing_event(&self) -> Event<'_> {
        match &self.state {
            State::Asked(Question::Authenticate(credentials)) => Event::Authenticate(credentials),
            State::Asked(Question::Mail(mail)) => Event::Mail(mail),
            State::Asked(Question::Recipient(_, rcpt)) => Event::Recipient(&rcpt.recipient),
            State::Asked(Question::Data(begun, _)) => Event::Data(begun.envelope()),
            State::Asked(Question::Message(arrival)) => Event::Message(arrival),
            State::Handshake => Event::StartTls,
            State::Closing => Event::Close,
            State::Idle
            | State::Open(_)
            | State::Challenged(_)
            | State::Receiving(_)
            | State::Chunk(..)
            | State::Chunks(_)
            | State::Unwanted(..) => Event::Receive,
        }
    }

    /// Answers [`Event::Authenticate`]: the credentials are those of `account`.
    pub fn accept_login(&mut self, account: AccountId) {
        self.answer(|session, question| match question {
            Question::Authenticate(_) => {
                session.peer.account = Some(account);
                session.reply(replies::logged_in());
                Ok(())
            }
            other => Err(other),
        });
    }

    /// Answers [`Event::Mail`]: the transaction begins.
    pub fn accept_mail(&mut self) {
        self.answer(|session, question| match question {
            Question::Mail(mail) => {
                session.state = State::Open(Box::new(Begun::new(mail, &session.peer)));
                session.reply(replies::sender_ok());
                Ok(())
            }
            other => Err(other),
        });
    }

    /// Answers [`Event::Recipient`]: it is one, under this address, which is
    /// the one asked for unless that lacked a domain.
    pub fn accept_recipient(&mut self, address: Address) {
        self.answer(|session, question| match question {
            Question::Recipient(mut begun, rcpt) => {
                begun.add(address, rcpt);
                session.state = State::Open(begun);
                session.reply(replies::recipient_ok());
                Ok(())
            }
            other => Err(other),
        });
    }

    /// Answers [`Event::Data`]: the client is to send the content.
    pub fn accept_data(&mut self) {
        self.answer(|session, question| match question {
            Question::Data(begun, None) => {
                session.begin_data(begun);
                Ok(())
            }
            Question::Data(begun, Some(chunk)) => {
                session.begin_chunks(begun, chunk);
                Ok(())
            }
            other => Err(other),
        });
    }

    /// Answers [`Event::Message`]: responsibility is taken, durably.
    pub fn accept_message(&mut self, id: MessageId) {
        self.answer(|session, question| match question {
            Question::Message(_) => {
                session.errors = 0;
                session.reply(replies::queued(id));
                Ok(())
            }
            other => Err(other),
        });
    }

    /// Answers any question with a refusal. While content comes in the client
    /// hears it after the end of data, or of the chunk. A refused MAIL, DATA or
    /// message ends the transaction; a reply 421 ends the session.
    pub fn refuse(&mut self, reply: Reply) {
        match &mut self.state {
            State::Receiving(receiving) => {
                receiving.refusal.get_or_insert(reply);
                return;
            }
            State::Chunk(chunked, _) => {
                chunked.refusal.get_or_insert(reply);
                return;
            }
            State::Idle
            | State::Challenged(_)
            | State::Open(_)
            | State::Asked(_)
            | State::Chunks(_)
            | State::Unwanted(..)
            | State::Handshake
            | State::Closing => {}
        }
        self.answer(|session, question| {
            match question {
                Question::Authenticate(_) => session.failed_logins += 1,
                Question::Recipient(begun, _) => session.state = State::Open(begun),
                Question::Data(_, Some(chunk)) => {
                    session.state = State::Unwanted(chunk, reply);
                    return Ok(());
                }
                Question::Mail(_) | Question::Data(_, None) | Question::Message(_) => {}
            }
            session.reply(reply);
            if session.failed_logins >= MAX_FAILED_LOGINS {
                session.close(replies::too_many_errors());
            }
            Ok(())
        });
    }

    /// Goes on after the handshake that [`Event::StartTls`] asked for. What the
    /// client said in clear is forgotten (RFC 3207 §4.2).
    pub fn secured(&mut self, tls: String) {
        self.peer = Peer {
            client: self.peer.client,
            tls: Some(tls),
            hello: None,
            account: None,
        };
        self.state = State::Idle;
    }

    /// Says `reply`, which is a 421 as a rule, and ends the session.
    pub fn close(&mut self, reply: Reply) {
        self.reply(reply);
        self.state = State::Closing;
    }

    /// Lets `answer` decide the standing question; one of another kind stands.
    fn answer(&mut self, answer: impl FnOnce(&mut Self, Question) -> Result<(), Question>) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Asked(question) => {
                if let Err(other) = answer(self, question) {
                    debug_assert!(false, "answered another question than {other:?}");
                    self.state = State::Asked(other);
                }
            }
            state => self.state = state,
        }
    }

    /// Appends a reply. It may end the session, so the state that follows the
    /// reply must be set before.
    pub(super) fn reply(&mut self, reply: Reply) {
        reply.encode(&mut self.output);
        self.errors += u32::from(reply.is_permanent());
        if reply.code() == 421 {
            self.state = State::Closing;
        } else if reply.is_permanent() && self.errors >= self.config.max_errors {
            self.close(replies::too_many_errors());
        }
    }
}
