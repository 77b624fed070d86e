//! Notices: gathered when claimed, repeated until accepted.

use std::collections::BTreeMap;

use async_trait::async_trait;
use message::{JobKey, MessageId, NoticeKind};
use redis::Value;

use super::super::RedisStore;
use super::super::failure::corrupt;
use super::reply::Reply;
use crate::StoreError;
use crate::ledger::{Acceptance, Decision, Entry, NewJob, NoticeClaim, NoticeRecipient, Notices};

#[async_trait]
impl Notices for RedisStore {
    async fn claim_notice(
        &self,
        message: MessageId,
        kind: NoticeKind,
        reserve: MessageId,
    ) -> Result<Option<NoticeClaim>, StoreError> {
        let call = self.ledger("claim_notice").arg(message.to_string());
        let call = call.arg(name(kind)).arg(reserve.to_string());
        let reply = Reply::some(self.link.call(call).await?)?;
        reply.map(|reply| claim(kind, reply)).transpose()
    }

    async fn notice_accepted(
        &self,
        message: MessageId,
        kind: NoticeKind,
        id: MessageId,
    ) -> Result<(), StoreError> {
        let call = self.ledger("notice_accepted").arg(message.to_string());
        self.link
            .call(call.arg(name(kind)).arg(id.to_string()))
            .await
    }

    async fn notice_job(&self, message: MessageId) -> Result<Option<JobKey>, StoreError> {
        let call = self.reading("has_notice_job").arg(message.to_string());
        let owed: bool = self.link.call(call).await?;
        Ok(owed.then_some(JobKey::notice(message)))
    }
}

/// The name of a kind for the functions.
fn name(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Failure => "failure",
        NoticeKind::Delay => "delay",
        NoticeKind::Success => "success",
    }
}

/// The kind of that name.
pub(super) fn kind(text: &str) -> Result<NoticeKind, StoreError> {
    let mut kinds = NoticeKind::ALL.into_iter();
    kinds
        .find(|kind| name(*kind) == text)
        .ok_or_else(|| corrupt("a notice", format!("no kind: {text}")))
}

/// What a notice tells about: the message, and its jobs as routing made them.
struct Subject {
    entry: Entry,
    decisions: Vec<Decision>,
    jobs: BTreeMap<u32, NewJob>,
}

fn claim(kind: NoticeKind, mut reply: Reply) -> Result<NoticeClaim, StoreError> {
    let id = reply.parsed()?;
    let at = reply.time()?;
    let acceptance: Acceptance = reply.json()?;
    let subject = Subject {
        entry: Entry {
            acceptance,
            accepted_at: at,
        },
        decisions: reply.optional_json()?.unwrap_or_default(),
        jobs: reply.list()?.map(made_job).collect::<Result<_, _>>()?,
    };
    let recipients = reply.list()?.map(|value| subject.recipient(value));
    Ok(NoticeClaim {
        id,
        kind,
        at,
        recipients: recipients.collect::<Result<_, _>>()?,
    })
}

/// The part of a job among all of a message, and what routing made of it.
fn made_job(value: Value) -> Result<(u32, NewJob), StoreError> {
    let mut reply = Reply::of(value)?;
    Ok((reply.number()?, reply.json()?))
}

impl Subject {
    fn recipient(&self, value: Value) -> Result<NoticeRecipient, StoreError> {
        let mut reply = Reply::of(value)?;
        let (part, index, original) = (reply.number()?, reply.number()?, reply.number()?);
        let told = match part {
            0 => self.of_decision(index, original),
            part => self.of_job(part, index, original, reply)?,
        };
        let message = self.entry.acceptance.message;
        told.ok_or_else(|| corrupt(message.to_string(), "there is nothing to tell of"))
    }

    fn of_decision(&self, index: u32, original: u32) -> Option<NoticeRecipient> {
        let decision = self.decisions.get(index as usize)?;
        NoticeRecipient::of_decision(&self.entry, decision, original)
    }

    fn of_job(
        &self,
        part: u32,
        index: u32,
        original: u32,
        mut reply: Reply,
    ) -> Result<Option<NoticeRecipient>, StoreError> {
        let outcome = reply.json()?;
        let attempts = reply.number()?;
        let next_attempt = reply.optional_time()?;
        let retry_until = reply.optional_time()?;
        let job = self.jobs.get(&part);
        let recipient = job.and_then(|job| job.recipients.get(index as usize));
        let told = recipient.and_then(|recipient| {
            NoticeRecipient::new(&self.entry, original, &recipient.address, outcome)
        });
        Ok(told.map(|told| NoticeRecipient {
            attempts,
            next_attempt,
            retry_until,
            ..told
        }))
    }
}
