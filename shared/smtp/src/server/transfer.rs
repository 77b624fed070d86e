//! Content on its way in: by DATA, or in chunks (RFC 3030).
//!
//! A chunk that nobody wants is read to its end all the same: its octets are
//! never taken for commands. Its refusal ends the transaction, so that chunks
//! which were sent ahead behind it are refused as well.

use super::replies;
use super::session::{Session, Step};
use super::state::{Begun, Chunk, Chunked, Question, Receiving, State};
use crate::data::{ChunkDecoder, Decoded, Decoder, Fault, Summary};
use crate::reply::Reply;

impl Session {
    /// Awaits content behind a 354.
    pub(super) fn begin_data(&mut self, begun: Box<Begun>) {
        let decoder = Decoder::new(self.config.size_limit, self.config.max_hops);
        self.state = State::Receiving(Box::new(Receiving {
            begun,
            decoder,
            refusal: None,
        }));
        self.reply(replies::go_on_with_data());
    }

    /// Awaits the octets of the first chunk.
    pub(super) fn begin_chunks(&mut self, begun: Box<Begun>, chunk: Chunk) {
        let decoder = ChunkDecoder::new(self.config.size_limit, self.config.max_hops);
        let chunked = Chunked {
            begun,
            decoder,
            refusal: None,
        };
        self.state = State::Chunk(Box::new(chunked), chunk);
    }

    pub(super) fn bdat(&mut self, chunk: Chunk) -> Step {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Open(begun) if begun.envelope().recipients.is_empty() => {
                self.state = State::Unwanted(chunk, replies::no_recipients());
                return Step::Abandoned(None);
            }
            State::Open(begun) => {
                self.state = State::Asked(Question::Data(begun, Some(chunk)));
            }
            State::Chunks(chunked) => self.state = State::Chunk(chunked, chunk),
            State::Idle
            | State::Challenged(_)
            | State::Asked(_)
            | State::Receiving(_)
            | State::Chunk(..)
            | State::Unwanted(..)
            | State::Handshake
            | State::Closing => {
                self.state = State::Unwanted(chunk, replies::wrong_order("Send MAIL first"));
            }
        }
        Step::Again
    }

    /// Takes content that stands in the buffer.
    pub(super) fn data_octets(&mut self) -> Step {
        let State::Receiving(receiving) = &mut self.state else {
            return Step::Again;
        };
        let (used, decoded) = receiving.decoder.decode(self.input.waiting());
        match decoded {
            Decoded::More => {
                self.input.take(used);
                Step::Receive
            }
            Decoded::Octets(octets) => {
                let length = octets.len();
                let end = self.input.take(used).end;
                if receiving.refusal.is_some() {
                    Step::Again
                } else {
                    Step::Content(end - length..end)
                }
            }
            Decoded::End(end) => {
                self.input.take(used);
                self.end_of_data(end)
            }
        }
    }

    fn end_of_data(&mut self, end: Result<Summary, Fault>) -> Step {
        let State::Receiving(receiving) = std::mem::replace(&mut self.state, State::Idle) else {
            return Step::Again;
        };
        let Receiving { begun, refusal, .. } = *receiving;
        let step = self.conclude(*begun, end, refusal);
        if end.is_err_and(Fault::is_smuggling) {
            self.state = State::Closing;
        }
        step
    }

    /// Takes octets of a chunk that stand in the buffer.
    pub(super) fn chunk_octets(&mut self) -> Step {
        let State::Chunk(chunked, chunk) = &mut self.state else {
            return Step::Again;
        };
        if chunk.left == 0 {
            return self.end_of_chunk();
        }
        let octets = chunk.front(self.input.waiting());
        if octets.is_empty() {
            return Step::Receive;
        }
        let wanted = chunked.decoder.take(octets) && chunked.refusal.is_none();
        let count = octets.len();
        chunk.left -= count as u64;
        let range = self.input.take(count);
        if wanted {
            Step::Content(range)
        } else {
            Step::Again
        }
    }

    fn end_of_chunk(&mut self) -> Step {
        let State::Chunk(mut chunked, chunk) = std::mem::replace(&mut self.state, State::Idle)
        else {
            return Step::Again;
        };
        if chunk.last
            && let Some(line_end) = chunked.decoder.complete()
            && chunked.refusal.is_none()
        {
            self.state = State::Chunk(chunked, chunk);
            return Step::Added(line_end);
        }
        let sound = chunked.refusal.is_none() && chunked.decoder.fault().is_none();
        if sound && !chunk.last {
            self.state = State::Chunks(chunked);
            self.reply(replies::chunk_taken(chunk.size));
            return Step::Again;
        }
        let end = chunked.decoder.end();
        self.conclude(*chunked.begun, end, chunked.refusal)
    }

    /// Throws away octets of a chunk, and says why behind the last.
    pub(super) fn unwanted_octets(&mut self) -> Step {
        let State::Unwanted(chunk, _) = &mut self.state else {
            return Step::Again;
        };
        if chunk.left > 0 {
            let count = chunk.front(self.input.waiting()).len();
            self.input.take(count);
            chunk.left -= count as u64;
            return if count == 0 {
                Step::Receive
            } else {
                Step::Again
            };
        }
        if let State::Unwanted(_, refusal) = std::mem::replace(&mut self.state, State::Idle) {
            self.reply(refusal);
        }
        Step::Again
    }

    /// All content that will be taken has come: a message, or its refusal.
    fn conclude(
        &mut self,
        begun: Begun,
        end: Result<Summary, Fault>,
        refusal: Option<Reply>,
    ) -> Step {
        match (end, refusal) {
            (Err(fault), _) => {
                self.reply(replies::fault(fault, &self.config));
                Step::Abandoned(Some(fault))
            }
            (Ok(_), Some(refusal)) => {
                self.reply(refusal);
                Step::Abandoned(None)
            }
            (Ok(content), None) => {
                let arrival = begun.arrived(content);
                self.state = State::Asked(Question::Message(Box::new(arrival)));
                Step::Again
            }
        }
    }
}
