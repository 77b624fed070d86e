//! References to content, and its condemnation when there is none left.

use async_trait::async_trait;
use message::{ContentId, Timestamp};

use super::super::EmbeddedStore;
use super::super::engine::{Durability, Read};
use super::super::key::KeyReader;
use super::super::page::{corrupt, page};
use super::keys::{self, micros};
use super::turn::Turn;
use crate::StoreError;
use crate::ledger::{Holder, References, Referred};

/// The most holders that are listed for one content.
const HOLDERS: usize = 1000;

#[async_trait]
impl References for EmbeddedStore {
    async fn refer(&self, content: &ContentId, holder: Holder) -> Result<Referred, StoreError> {
        let content = content.clone();
        self.turn(Durability::Relaxed, move |turn| {
            turn.refer(&content, holder)
        })
        .await
    }

    async fn release(&self, content: &ContentId, holder: Holder) -> Result<(), StoreError> {
        let content = content.clone();
        self.turn(Durability::Relaxed, move |turn| {
            turn.release(&content, holder)
        })
        .await
    }

    async fn holders(&self, content: &ContentId) -> Result<Vec<Holder>, StoreError> {
        self.engine.read(|read| {
            page(
                read,
                &keys::references_to(content),
                None,
                HOLDERS,
                |key, _| Ok(keys::read_reference(key)?.1),
            )
        })
    }

    async fn condemn(&self, content: &ContentId) -> Result<bool, StoreError> {
        let content = content.clone();
        self.turn(Durability::Relaxed, move |turn| turn.condemn(&content))
            .await
    }

    async fn condemned(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<ContentId>, StoreError> {
        self.engine
            .read(|read| condemned_before(read, micros(before), limit))
    }

    async fn reclaimed(&self, contents: &[ContentId]) -> Result<(), StoreError> {
        let contents = contents.to_vec();
        self.turn(Durability::Relaxed, move |turn| {
            contents
                .iter()
                .try_for_each(|content| turn.absolve(content))
        })
        .await
    }

    async fn references(
        &self,
        after: Option<&(ContentId, Holder)>,
        limit: usize,
    ) -> Result<Vec<(ContentId, Holder)>, StoreError> {
        let after = after.map(|(content, holder)| keys::reference(content, *holder));
        self.look(move |read| {
            page(
                read,
                &keys::references(),
                after.as_ref(),
                limit,
                |key, _| keys::read_reference(key),
            )
        })
        .await
    }
}

impl Turn<'_, '_> {
    /// Adds a reference, unless the content is condemned.
    pub(super) fn refer(
        &mut self,
        content: &ContentId,
        holder: Holder,
    ) -> Result<Referred, StoreError> {
        if self.step.exists(&keys::condemned(content))? {
            return Ok(Referred::Condemned);
        }
        self.step.put(keys::reference(content, holder), Vec::new());
        Ok(Referred::Held)
    }

    /// Drops a reference, and with the last one the content.
    pub(super) fn release(
        &mut self,
        content: &ContentId,
        holder: Holder,
    ) -> Result<(), StoreError> {
        let key = keys::reference(content, holder);
        if self.step.exists(&key)? {
            self.step.delete(key);
            self.condemn(content)?;
        }
        Ok(())
    }

    /// Condemns a content unless somebody refers to it.
    fn condemn(&mut self, content: &ContentId) -> Result<bool, StoreError> {
        if self.step.first(&keys::references_to(content))?.is_some() {
            return Ok(false);
        }
        let key = keys::condemned(content);
        if !self.step.exists(&key)? {
            let at = micros(self.now);
            self.step.put(key, at.to_be_bytes().to_vec());
            self.step.put(keys::condemned_at(at, content), Vec::new());
        }
        Ok(true)
    }

    fn absolve(&mut self, content: &ContentId) -> Result<(), StoreError> {
        let key = keys::condemned(content);
        if let Some(at) = self.step.get(&key)? {
            let at = at
                .try_into()
                .map_err(|_| corrupt(key.as_bytes(), "not a time"))?;
            self.step
                .delete(keys::condemned_at(u64::from_be_bytes(at), content));
            self.step.delete(key);
        }
        Ok(())
    }
}

fn condemned_before(
    read: &impl Read,
    before: u64,
    limit: usize,
) -> Result<Vec<ContentId>, StoreError> {
    let mut contents = Vec::new();
    read.scan(&keys::condemnations(), None, &mut |key, _| {
        let mut reader = KeyReader::new(key);
        let wanted = reader.u64()? < before && contents.len() < limit;
        if wanted {
            contents.push(reader.text()?.parse().map_err(|e| corrupt(key, e))?);
        }
        Ok(wanted)
    })?;
    Ok(contents)
}
