//! One message on its way in: from MAIL to the ledger.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use content::{Error as ContentError, Stored, Trailer, Writer};
use message::{AccountId, Clock, Domain, Envelope, Job, JobKey, MessageId, Protocol, Topic};
use smtp::Reply;
use smtp::header::{HeaderCollector, HeaderSection};
use smtp::received::{self, Received};
use store::StoreError;
use store::ledger::{Acceptance, Accepted};
use telemetry::{Span, names};

use crate::sender::Senders;
use crate::{Ports, replies};

/// A transaction that MAIL began.
pub(crate) struct Intake {
    ticket: Ticket,
    content: Option<Content>,
}

/// The message a transaction may become: its id, and the root of its trace.
pub(crate) struct Ticket {
    id: MessageId,
    span: Span,
    declared: u64,
}

/// Content while it is written.
struct Content {
    writer: Box<dyn Writer>,
    /// On submission ports, until the header section is complete.
    submission: Option<Submission>,
}

/// What submission must know to complete a header section.
struct Submission {
    account: AccountId,
    header: HeaderCollector,
}

impl Intake {
    /// Begins a transaction of which nothing but MAIL is known.
    pub(crate) fn new(ticket: Ticket) -> Self {
        Self {
            ticket,
            content: None,
        }
    }

    pub(crate) fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Gets ready for content; `account` is who submits it.
    pub(crate) async fn open(
        &mut self,
        ports: &Ports,
        account: Option<AccountId>,
    ) -> Result<(), Reply> {
        let writer = ports.content.create().await;
        let writer = writer.map_err(|error| self.ticket.content_failed(&error))?;
        let submission = account.map(|account| Submission {
            account,
            header: HeaderCollector::new(),
        });
        self.content = Some(Content { writer, submission });
        Ok(())
    }

    /// Takes the next octets of the content. After an error the message is lost.
    pub(crate) async fn write(
        &mut self,
        octets: &[u8],
        completion: &Completion,
    ) -> Result<(), Reply> {
        let Some(mut content) = self.content.take() else {
            return Err(replies::not_now());
        };
        match content.submission.take() {
            None => self.ticket.pass_on(&mut content, octets).await?,
            Some(mut submission) => match submission.header.push(octets) {
                Err(_) => return Err(replies::header_too_big()),
                Ok(ControlFlow::Continue(())) => content.submission = Some(submission),
                Ok(ControlFlow::Break((mut header, body))) => {
                    completion
                        .complete(submission.account, &self.ticket, &mut header)
                        .await?;
                    self.ticket.pass_on(&mut content, header.octets()).await?;
                    self.ticket.pass_on(&mut content, &body).await?;
                }
            },
        }
        self.content = Some(content);
        Ok(())
    }

    /// Takes responsibility: when this returns, content and entry are durable.
    pub(crate) async fn accept(
        self,
        ports: &Ports,
        completion: &Completion,
        envelope: Envelope,
    ) -> (Ticket, Result<(), Reply>) {
        let Self { ticket, content } = self;
        let Some(content) = content else {
            return (ticket, Err(replies::not_now()));
        };
        let accepted = ticket.accept(ports, completion, content, envelope).await;
        (ticket, accepted)
    }
}

impl Ticket {
    /// Draws the id and begins the trace.
    pub(crate) fn draw(ports: &Ports, declared: Option<u64>) -> Self {
        let id = MessageId::draw(ports.station.clock().as_ref(), ports.random.as_ref());
        let span = ports.station.tracer().root(id, "smtp receive");
        span.set(names::NETWORK_PROTOCOL, "smtp");
        Self {
            id,
            span,
            declared: declared.unwrap_or(0),
        }
    }

    pub(crate) fn id(&self) -> MessageId {
        self.id
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// The size that MAIL declared.
    pub(crate) fn declared(&self) -> u64 {
        self.declared
    }

    async fn pass_on(&self, content: &mut Content, octets: &[u8]) -> Result<(), Reply> {
        content
            .writer
            .write(octets)
            .await
            .map_err(|error| self.content_failed(&error))
    }

    async fn accept(
        &self,
        ports: &Ports,
        completion: &Completion,
        mut content: Content,
        envelope: Envelope,
    ) -> Result<(), Reply> {
        if let Some(submission) = content.submission.take() {
            let mut header = submission.header.finish();
            completion
                .complete(submission.account, self, &mut header)
                .await?;
            self.pass_on(&mut content, header.octets()).await?;
        }
        let at = ports.station.clock().now();
        let received = Received {
            by: &completion.hostname,
            id: self.id,
            at,
            envelope: &envelope,
        };
        let prefix: Bytes = received.to_string().into();
        let prefix_octets = prefix.len() as u64;
        let trailer = Trailer {
            message: self.id,
            prefix,
            envelope: Some(envelope.clone()),
        };
        let writing = self.span.child("content finish");
        let stored = content.writer.finish(trailer).await;
        drop(writing);
        let stored = stored.map_err(|error| self.content_failed(&error))?;
        let size = prefix_octets + stored.octets;
        self.record(ports, envelope, &stored, size).await
    }

    async fn record(
        &self,
        ports: &Ports,
        envelope: Envelope,
        stored: &Stored,
        size: u64,
    ) -> Result<(), Reply> {
        let protocol = keyword(&envelope.transaction.protocol);
        self.span.set(names::SMTP_PROTOCOL, protocol);
        self.span
            .set(names::SIZE, i64::try_from(size).unwrap_or(i64::MAX));
        self.span
            .set(names::RECIPIENTS, envelope.recipients.len() as i64);
        let acceptance = Acceptance {
            message: self.id,
            envelope,
            content: stored.id.clone(),
            size,
            trace: self.span.context(),
            notice_of: None,
        };
        let recording = self.span.child("ledger accept");
        let accepted = ports.ledger.accept(acceptance).await;
        drop(recording);
        match accepted {
            Ok(Accepted::Taken | Accepted::Known) => {
                ports.station.metrics().accepted(protocol, size);
                tracing::info!(message_id = %self.id, size, "accepted");
                Ok(())
            }
            Ok(Accepted::ContentCondemned) => {
                tracing::error!(message_id = %self.id, "content was condemned before it was accepted");
                Err(replies::not_now())
            }
            Err(error) => {
                error.log("cannot record a message");
                self.forget(ports, stored, &error).await;
                Err(replies::store(&error))
            }
        }
    }

    /// Frees content that the ledger did not take, or it would fill the disk
    /// while the ledger is full. Where the ledger may have taken it after all
    /// it stays; the sweep finds it if not.
    async fn forget(&self, ports: &Ports, stored: &Stored, error: &StoreError) {
        if matches!(error, StoreError::Full(_))
            && let Err(error) = ports.content.remove(&stored.id).await
        {
            tracing::warn!(message_id = %self.id, %error, "cannot remove refused content");
        }
    }

    /// Tells the router. Whether that works or not, the ledger knows.
    pub(crate) async fn publish(&self, ports: &Ports) {
        let job = Job {
            key: JobKey::route(self.id),
            generation: 0,
        };
        let context = self.span.context();
        // The station counts and logs what comes of it.
        let _ = ports
            .station
            .publish(Topic::Accepted, job, 0, context)
            .await;
    }

    fn content_failed(&self, error: &ContentError) -> Reply {
        let cause = error as &dyn std::error::Error;
        tracing::error!(message_id = %self.id, error = cause, "cannot write content");
        replies::content(error)
    }
}

/// Checks and completes header sections of submissions.
pub(crate) struct Completion {
    pub(crate) hostname: Domain,
    pub(crate) senders: Senders,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Completion {
    async fn complete(
        &self,
        account: AccountId,
        ticket: &Ticket,
        header: &mut HeaderSection,
    ) -> Result<(), Reply> {
        self.senders.judge_author(account, header).await?;
        let date = received::date_time(self.clock.now());
        header.complete(&date, &format!("<{}@{}>", ticket.id, self.hostname));
        Ok(())
    }
}

/// The protocol as RFC 3848 and RFC 6531 register it, for labels.
fn keyword(protocol: &Protocol) -> &'static str {
    /// By TLS and AUTH, which each append a letter.
    const ESMTP: [&str; 4] = ["ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA"];
    const UTF8SMTP: [&str; 4] = ["UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA"];
    match *protocol {
        Protocol::Smtp => "SMTP",
        Protocol::Esmtp { tls, auth, utf8 } => {
            let names = if utf8 { UTF8SMTP } else { ESMTP };
            names[2 * usize::from(tls) + usize::from(auth)]
        }
        Protocol::Http => "HTTP",
        Protocol::Notice => "LOCAL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_what_received_says() {
        for bits in 0..8 {
            let (tls, auth, utf8) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
            let protocol = Protocol::Esmtp { tls, auth, utf8 };
            assert_eq!(keyword(&protocol), protocol.to_string());
        }
    }
}
