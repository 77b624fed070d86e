//! How far a transaction has come: what was said, which replies are due, and
//! which recipients have their answer.

use std::collections::VecDeque;

use super::capabilities::Capabilities;
use super::stage::Stage;
use super::stuffing::Framing;
use super::transaction::{Answer, Transaction};
use crate::Reply;

/// How many chunks may wait for their reply: few enough that the replies fit
/// into any socket's buffer while nobody reads them.
const CHUNKS: usize = 16;

/// A transaction under way.
#[derive(Debug)]
pub(super) struct Progress {
    transaction: Transaction,
    offered: Capabilities,
    framing: Framing,
    unsaid: VecDeque<Command>,
    /// Said, in order, and not answered yet; never empty while listening for
    /// the reply to a command.
    due: VecDeque<Command>,
    answers: Vec<Option<Answer>>,
    accepted: usize,
    /// The stage of the last reply that was due.
    stage: Stage,
    phase: Phase,
}

#[derive(Debug, Clone, Copy)]
enum Command {
    Reset,
    Mail,
    Rcpt(usize),
    Data,
    Chunk { octets: usize, last: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Commands,
    Content,
    Dot,
    /// Content was cut short: only a refusal counts.
    Interrupted,
    /// A chunk was refused; the replies to those behind it mean nothing.
    Refused,
    Over,
}

/// Whose turn it is.
pub(super) enum Turn {
    /// Ours: these octets.
    Say(Vec<u8>),
    /// The server's.
    Listen,
    /// Ours: the next block of the content.
    SendContent(Framing),
    /// Nobody's. `open` where the server still holds the transaction.
    Answered { open: bool, answers: Vec<Answer> },
}

impl Progress {
    pub(super) fn new(transaction: Transaction, offered: Capabilities, reset: bool) -> Self {
        let count = transaction.recipients.len();
        let reset = reset.then_some(Command::Reset);
        let rcpts = (0..count).map(Command::Rcpt);
        let framing = framing(&offered);
        let data = match framing {
            Framing::Dot => Some(Command::Data),
            Framing::Chunks => None,
        };
        Self {
            transaction,
            offered,
            framing,
            unsaid: reset
                .into_iter()
                .chain([Command::Mail])
                .chain(rcpts)
                .chain(data)
                .collect(),
            due: VecDeque::new(),
            answers: vec![None; count],
            accepted: 0,
            stage: Stage::Mail,
            phase: Phase::Commands,
        }
    }

    pub(super) fn answers(&self) -> &[Option<Answer>] {
        &self.answers
    }

    /// Which reply is due.
    pub(super) fn stage(&self) -> Stage {
        match (self.due.front(), self.phase) {
            (Some(command), Phase::Commands) => command.stage(),
            (_, Phase::Content | Phase::Dot | Phase::Interrupted | Phase::Refused) => Stage::Dot,
            (None, Phase::Commands) | (_, Phase::Over) => self.stage,
        }
    }

    pub(super) fn turn(&mut self) -> Turn {
        match self.phase {
            Phase::Commands if !self.due.is_empty() => Turn::Listen,
            Phase::Commands => self.speak(),
            // A server that wants content for nobody gets none.
            Phase::Content if self.accepted == 0 => {
                self.phase = Phase::Dot;
                Turn::Say(b".\r\n".to_vec())
            }
            Phase::Content if self.due.len() >= CHUNKS => Turn::Listen,
            Phase::Content => Turn::SendContent(self.framing),
            Phase::Refused if !self.due.is_empty() => Turn::Listen,
            Phase::Dot | Phase::Interrupted => Turn::Listen,
            Phase::Refused | Phase::Over => self.answered(),
        }
    }

    /// The next command, or all of them where the server takes them together.
    fn speak(&mut self) -> Turn {
        let mut wire = String::new();
        while let Some(command) = self.unsaid.pop_front() {
            // Without pipelining every RCPT has its answer by now.
            if matches!(command, Command::Data) && !self.offered.pipelining && self.accepted == 0 {
                break;
            }
            wire.push_str(&match command {
                Command::Reset => "RSET\r\n".to_owned(),
                Command::Mail => self.transaction.mail(&self.offered),
                Command::Rcpt(index) => self.transaction.rcpt(index, &self.offered),
                Command::Data => "DATA\r\n".to_owned(),
                Command::Chunk { octets, last } => bdat(octets, last),
            });
            self.due.push_back(command);
            if !self.offered.pipelining {
                break;
            }
        }
        if wire.is_empty() {
            // Every RCPT has its answer, so no chunk is sent for nobody.
            if self.framing == Framing::Chunks && self.accepted > 0 {
                self.phase = Phase::Content;
                return Turn::SendContent(self.framing);
            }
            return self.answered();
        }
        Turn::Say(wire.into_bytes())
    }

    /// Takes the reply that was due, unless it is one that cannot be.
    pub(super) fn take(&mut self, reply: Reply) -> Result<(), Answer> {
        let chunk = matches!(self.due.front(), Some(Command::Chunk { last: false, .. }));
        if self.phase == Phase::Interrupted && reply.is_positive() && !chunk {
            return Err(Answer {
                stage: Stage::Dot,
                reply,
            });
        }
        self.stage = self.stage();
        match self.due.pop_front() {
            Some(Command::Reset) => {}
            Some(Command::Mail) if reply.is_positive() => {}
            Some(Command::Mail) => {
                self.settle_all(Stage::Mail, &reply);
                self.unsaid.clear();
            }
            Some(Command::Rcpt(index)) if reply.is_positive() => {
                // Where MAIL was refused, this is noise.
                self.accepted += usize::from(self.answers[index].is_none());
            }
            Some(Command::Rcpt(index)) => self.settle(index, Stage::Rcpt, &reply),
            Some(Command::Data) if reply.is_positive() => self.phase = Phase::Content,
            Some(Command::Data) => self.settle_all(Stage::Data, &reply),
            Some(Command::Chunk { last: false, .. }) if reply.is_positive() => {}
            Some(Command::Chunk { .. }) if !reply.is_positive() => {
                self.settle_all(Stage::Dot, &reply);
                if self.phase == Phase::Interrupted {
                    self.due.clear();
                }
                self.phase = Phase::Refused;
            }
            Some(Command::Chunk { .. }) | None => {
                self.settle_all(Stage::Dot, &reply);
                self.phase = Phase::Over;
            }
        }
        Ok(())
    }

    /// The command that goes right before a chunk of so many octets.
    pub(super) fn chunk(&mut self, octets: usize, last: bool) -> String {
        self.due.push_back(Command::Chunk { octets, last });
        bdat(octets, last)
    }

    /// Whether replies to chunks may come while content is sent.
    pub(super) fn awaits_chunks(&self) -> bool {
        self.phase == Phase::Content && !self.due.is_empty()
    }

    pub(super) fn content_sent(&mut self) {
        if self.phase == Phase::Content {
            self.phase = Phase::Dot;
        }
    }

    pub(super) fn content_interrupted(&mut self) {
        if self.phase == Phase::Content {
            self.phase = Phase::Interrupted;
        }
    }

    fn answered(&mut self) -> Turn {
        // DATA's content ends a transaction, whatever the reply, and a BDAT that is
        // accepted; all else leaves it open.
        let open = self.phase != Phase::Over;
        self.phase = Phase::Over;
        Turn::Answered {
            open,
            answers: self.answers.iter().flatten().cloned().collect(),
        }
    }

    fn settle_all(&mut self, stage: Stage, reply: &Reply) {
        for index in 0..self.answers.len() {
            self.settle(index, stage, reply);
        }
    }

    fn settle(&mut self, index: usize, stage: Stage, reply: &Reply) {
        self.answers[index].get_or_insert_with(|| Answer {
            stage,
            reply: reply.clone(),
        });
    }
}

impl Command {
    fn stage(self) -> Stage {
        match self {
            Self::Reset => Stage::Reset,
            Self::Mail => Stage::Mail,
            Self::Rcpt(_) => Stage::Rcpt,
            Self::Data => Stage::Data,
            Self::Chunk { .. } => Stage::Dot,
        }
    }
}

/// Chunks need PIPELINING too: one by one they would cost a round trip each.
fn framing(offered: &Capabilities) -> Framing {
    match offered.chunking && offered.pipelining {
        true => Framing::Chunks,
        false => Framing::Dot,
    }
}

/// The BDAT command (RFC 3030 §2).
fn bdat(octets: usize, last: bool) -> String {
    let last = if last { " LAST" } else { "" };
    format!("BDAT {octets}{last}\r\n")
}
