//! Entries: acceptance, history, and forgetting.

use async_trait::async_trait;
use message::{MessageId, Timestamp};

use super::super::EmbeddedStore;
use super::super::engine::{Durability, Read, from_json};
use super::super::key::{Key, KeyReader, Space};
use super::super::page::page;
use super::keys::{self, micros};
use super::notice::notices;
use super::progress::Progress;
use super::queue::chores;
use super::row::Feeding;
use super::turn::{Turn, each_job, entry, progress};
use crate::StoreError;
use crate::ledger::{Acceptance, Accepted, Entries, Entry, History, Holder, Referred, Route};

#[async_trait]
impl Entries for EmbeddedStore {
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, StoreError> {
        let room = self.room.check();
        self.turn(Durability::Durable, |turn| turn.accept(acceptance, room))
            .await
    }

    async fn entry(&self, message: MessageId) -> Result<Option<Entry>, StoreError> {
        self.engine.read(|read| entry(read, message))
    }

    async fn history(&self, message: MessageId) -> Result<Option<History>, StoreError> {
        self.look(move |read| history(read, message)).await
    }

    async fn entries(
        &self,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let prefix = Key::new(Space::LedgerEntry);
        let after = after.map(keys::entry);
        self.look(move |read| page(read, &prefix, after.as_ref(), limit, from_json))
            .await
    }

    async fn prune(&self, closed_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.turn(Durability::Relaxed, move |turn| {
            turn.prune(closed_before, limit)
        })
        .await
    }
}

impl Turn<'_, '_> {
    /// Takes a message unless there is no `room`; a notice, which lets another
    /// message go, even then.
    fn accept(
        &mut self,
        acceptance: Acceptance,
        room: Result<(), StoreError>,
    ) -> Result<Accepted, StoreError> {
        let message = acceptance.message;
        if self.step.exists(&keys::entry(message))? {
            return Ok(Accepted::Known);
        }
        let backlog = self.rules.backlog;
        let is_notice = acceptance.notice_of.is_some();
        if !is_notice {
            room?;
        }
        if self.counts()?.in_flight >= backlog && !is_notice {
            return Err(StoreError::Full(format!(
                "{backlog} messages are in flight"
            )));
        }
        match self.refer(&acceptance.content, Holder::Entry(message))? {
            Referred::Held => {}
            Referred::Condemned => return Ok(Accepted::ContentCondemned),
        }
        let feeding = Feeding::by_caller(self.now, &self.rules);
        let progress = Progress::new(acceptance.content.clone(), self.now, feeding);
        let entry = Entry {
            acceptance,
            accepted_at: self.now,
        };
        self.step.put_json(keys::entry(message), &entry)?;
        self.keep_progress(message, progress, feeding)?;
        let counts = self.counts()?;
        counts.accepted += 1;
        counts.in_flight += 1;
        Ok(Accepted::Taken)
    }

    fn prune(&mut self, closed_before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let mut closed = Vec::new();
        let before = micros(closed_before);
        let index = Key::new(Space::LedgerClosedAt);
        self.step.scan(&index, None, &mut |key, _| {
            let mut reader = KeyReader::new(key);
            let old = reader.u64()? < before && closed.len() < limit;
            if old {
                let message = MessageId::from_bits(reader.u128()?);
                if !is_awaited(self.step, message)? {
                    closed.push((Key::read(key), message));
                }
            }
            Ok(old)
        })?;
        for (index, message) in &closed {
            self.step.delete(index.clone());
            self.step.delete(keys::entry(*message));
            self.step.delete(keys::closed(*message));
            self.step.delete(keys::route(*message));
            self.delete_all(&keys::jobs(*message))?;
            self.delete_all(&keys::notices(*message))?;
        }
        Ok(closed.len())
    }

    fn delete_all(&mut self, prefix: &Key) -> Result<(), StoreError> {
        let rows = page(self.step, prefix, None, usize::MAX, |key, _| {
            Ok(Key::read(key))
        })?;
        rows.into_iter().for_each(|key| self.step.delete(key));
        Ok(())
    }
}

/// Whether a message is a notice whose original still waits to hear that it was
/// accepted: forgetting it would let the same notice be accepted twice.
fn is_awaited(read: &impl Read, message: MessageId) -> Result<bool, StoreError> {
    match entry(read, message)?.and_then(|entry| entry.acceptance.notice_of) {
        Some(about) => read.exists(&keys::open(about.message)),
        None => Ok(false),
    }
}

fn history(read: &impl Read, message: MessageId) -> Result<Option<History>, StoreError> {
    let Some(entry) = entry(read, message)? else {
        return Ok(None);
    };
    let progress = progress(read, message)?;
    let chores = progress.map_or_else(Vec::new, |progress| chores(&progress, &entry));
    let mut rows = Vec::new();
    each_job(read, message, |row| {
        rows.push(row);
        true
    })?;
    let decisions = read.get_json(&keys::route(message))?;
    let route = decisions.map(|decisions| Route {
        decisions,
        jobs: rows.iter().map(|row| row.job.as_routed()).collect(),
    });
    Ok(Some(History {
        entry,
        route,
        jobs: rows.into_iter().map(|row| row.job).collect(),
        chores,
        notices: notices(read, message)?,
        closed_at: read.get_json(&keys::closed(message))?,
    }))
}
