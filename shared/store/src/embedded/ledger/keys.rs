//! The names of the ledger's rows.

use message::{ContentId, Destination, JobKey, MessageId, NoticeKind, Part, Timestamp};

use super::super::key::{Key, KeyReader, Space};
use super::super::page::corrupt;
use crate::StoreError;
use crate::ledger::Holder;

/// Microseconds since 1970. Keys hold them and all times are compared by them,
/// so that an index and the row it leads to never disagree.
pub(super) fn micros(at: Timestamp) -> u64 {
    u64::try_from(at.as_microsecond()).unwrap_or(0)
}

/// The time that [`micros`] gave.
pub(super) fn time(micros: u64) -> Timestamp {
    i64::try_from(micros)
        .ok()
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Whether the time `at` has come.
pub(super) fn is_due(at: Timestamp, now: Timestamp) -> bool {
    micros(at) <= micros(now)
}

pub(super) fn entry(message: MessageId) -> Key {
    Key::new(Space::LedgerEntry).u128(message.bits())
}

pub(super) fn open(message: MessageId) -> Key {
    Key::new(Space::LedgerOpen).u128(message.bits())
}

pub(super) fn closed(message: MessageId) -> Key {
    Key::new(Space::LedgerClosed).u128(message.bits())
}

pub(super) fn closed_at(at: Timestamp, message: MessageId) -> Key {
    Key::new(Space::LedgerClosedAt)
        .u64(micros(at))
        .u128(message.bits())
}

pub(super) fn route(message: MessageId) -> Key {
    Key::new(Space::LedgerRoute).u128(message.bits())
}

/// All jobs of a message.
pub(super) fn jobs(message: MessageId) -> Key {
    Key::new(Space::LedgerJob).u128(message.bits())
}

pub(super) fn job(message: MessageId, number: u32) -> Key {
    jobs(message).u32(number)
}

/// All timers, in the order of time.
pub(super) fn timers() -> Key {
    Key::new(Space::LedgerTimer)
}

pub(super) fn timer(at: u64, job: JobKey) -> Key {
    with_part(timers().u64(at).u128(job.message.bits()), job.part)
}

/// The time and job of a timer.
pub(super) fn read_timer(key: &[u8]) -> Result<(u64, JobKey), StoreError> {
    let mut reader = KeyReader::new(key);
    let at = reader.u64()?;
    let message = MessageId::from_bits(reader.u128()?);
    let part = read_part(key, &mut reader)?;
    Ok((at, JobKey { message, part }))
}

/// The slots of a destination in one class, the first to be taken first.
pub(super) fn slots(destination: &Destination, class: u8) -> Key {
    Key::new(Space::LedgerSlot)
        .text(&destination.to_string())
        .u8(class)
}

pub(super) fn slot(
    destination: &Destination,
    class: u8,
    at: u64,
    message: MessageId,
    job: u32,
) -> Key {
    slots(destination, class)
        .u64(at)
        .u128(message.bits())
        .u32(job)
}

/// The time and job of a slot.
pub(super) fn read_slot(key: &[u8]) -> Result<(u64, JobKey), StoreError> {
    let mut reader = KeyReader::new(key);
    reader.text()?;
    reader.u8()?;
    let at = reader.u64()?;
    let message = MessageId::from_bits(reader.u128()?);
    Ok((at, JobKey::work(message, reader.u32()?)))
}

/// The heads of one class, in the order of time.
pub(super) fn heads(class: u8) -> Key {
    Key::new(Space::LedgerHead).u8(class)
}

pub(super) fn head(class: u8, at: u64, destination: &Destination) -> Key {
    heads(class).u64(at).text(&destination.to_string())
}

/// The time and destination of a head.
pub(super) fn read_head(key: &[u8]) -> Result<(u64, Destination), StoreError> {
    let mut reader = KeyReader::new(key);
    reader.u8()?;
    let at = reader.u64()?;
    let destination = reader.text()?.parse().map_err(|e| corrupt(key, e))?;
    Ok((at, destination))
}

/// All that is owed of one kind.
pub(super) fn owed_of(message: MessageId, kind: NoticeKind) -> Key {
    let kind = match kind {
        NoticeKind::Failure => 0,
        NoticeKind::Delay => 1,
        NoticeKind::Success => 2,
    };
    Key::new(Space::LedgerOwed).u128(message.bits()).u8(kind)
}

/// The recipient whose original one is to be told of: of a job, or, for
/// [`Part::Route`], the decision of that index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owed {
    pub(super) message: MessageId,
    pub(super) kind: NoticeKind,
    pub(super) part: Part,
    pub(super) recipient: u32,
    pub(super) original: u32,
}

pub(super) fn owed(owed: Owed) -> Key {
    with_part(owed_of(owed.message, owed.kind), owed.part)
        .u32(owed.recipient)
        .u32(owed.original)
}

/// Job, recipient and original recipient of what is owed.
pub(super) fn read_owed(key: &[u8]) -> Result<(Part, u32, u32), StoreError> {
    let mut reader = KeyReader::new(key);
    reader.u128()?;
    reader.u8()?;
    let part = read_part(key, &mut reader)?;
    Ok((part, reader.u32()?, reader.u32()?))
}

/// All notices of a message, in the order they were claimed.
pub(super) fn notices(message: MessageId) -> Key {
    Key::new(Space::LedgerNotice).u128(message.bits())
}

pub(super) fn notice(message: MessageId, number: u32) -> Key {
    notices(message).u32(number)
}

/// All references, by content.
pub(super) fn references() -> Key {
    Key::new(Space::LedgerReference)
}

/// The references to one content.
pub(super) fn references_to(content: &ContentId) -> Key {
    references().text(content.as_str())
}

pub(super) fn reference(content: &ContentId, holder: Holder) -> Key {
    let key = references_to(content);
    match holder {
        Holder::Entry(message) => key.u8(0).u128(message.bits()),
        Holder::Account(account) => key.u8(1).u64(account.bits()),
    }
}

pub(super) fn read_reference(key: &[u8]) -> Result<(ContentId, Holder), StoreError> {
    let mut reader = KeyReader::new(key);
    let content = reader.text()?.parse().map_err(|e| corrupt(key, e))?;
    let holder = match reader.u8()? {
        0 => Holder::Entry(MessageId::from_bits(reader.u128()?)),
        1 => Holder::Account(message::AccountId::from_bits(reader.u64()?)),
        other => return Err(corrupt(key, format!("no kind of holder: {other}"))),
    };
    Ok((content, holder))
}

pub(super) fn condemned(content: &ContentId) -> Key {
    Key::new(Space::LedgerCondemned).text(content.as_str())
}

/// All condemned contents, in the order of time.
pub(super) fn condemnations() -> Key {
    Key::new(Space::LedgerCondemnedAt)
}

pub(super) fn condemned_at(at: u64, content: &ContentId) -> Key {
    condemnations().u64(at).text(content.as_str())
}

pub(super) fn destination(destination: &Destination) -> Key {
    Key::new(Space::LedgerDestination).text(&destination.to_string())
}

fn with_part(key: Key, part: Part) -> Key {
    match part {
        Part::Route => key.u8(0).u32(0),
        Part::Work(number) => key.u8(1).u32(number),
        Part::Notice => key.u8(2).u32(0),
    }
}

fn read_part(key: &[u8], reader: &mut KeyReader<'_>) -> Result<Part, StoreError> {
    match (reader.u8()?, reader.u32()?) {
        (0, _) => Ok(Part::Route),
        (1, number) => Ok(Part::Work(number)),
        (2, _) => Ok(Part::Notice),
        (other, _) => Err(corrupt(key, format!("no part of a message: {other}"))),
    }
}
