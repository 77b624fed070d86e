//! References to content, and its condemnation when there is none left.

use async_trait::async_trait;
use message::{ContentId, Timestamp};

use super::super::RedisStore;
use super::super::failure::corrupt;
use super::reply::parsed;
use super::{ROWS, micros, or_empty};
use crate::StoreError;
use crate::ledger::{Holder, References, Referred};

/// The most holders that are listed for one content.
const HOLDERS: usize = 1000;
/// The most contents that one call lists.
const CONTENTS: usize = 1000;

#[async_trait]
impl References for RedisStore {
    async fn refer(&self, content: &ContentId, holder: Holder) -> Result<Referred, StoreError> {
        let call = self.ledger("refer").arg(content.as_str());
        let held: bool = self.link.call(call.arg(name(holder))).await?;
        Ok(if held {
            Referred::Held
        } else {
            Referred::Condemned
        })
    }

    async fn release(&self, content: &ContentId, holder: Holder) -> Result<(), StoreError> {
        let call = self.ledger("release").arg(content.as_str());
        self.link.call(call.arg(name(holder))).await
    }

    async fn holders(&self, content: &ContentId) -> Result<Vec<Holder>, StoreError> {
        let call = self.reading("holders").arg(content.as_str()).arg(HOLDERS);
        let references: Vec<String> = self.link.call(call).await?;
        let references = references.iter().map(|text| reference(text));
        references.map(|read| Ok(read?.1)).collect()
    }

    async fn condemn(&self, content: &ContentId) -> Result<bool, StoreError> {
        self.link
            .call(self.ledger("condemn").arg(content.as_str()))
            .await
    }

    async fn condemned(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<ContentId>, StoreError> {
        let mut found: Vec<(String, u64)> = Vec::new();
        while found.len() < limit {
            // On from the last time, behind those of that very time.
            let since = found.last().map_or(0, |(_, at)| *at);
            let seen = found
                .iter()
                .rev()
                .take_while(|(_, at)| *at == since)
                .count();
            let wanted = CONTENTS.min(limit - found.len());
            let call = self.reading("condemned").arg(since).arg(micros(before));
            let page: Vec<(String, u64)> = self.link.call(call.arg(seen).arg(wanted)).await?;
            let is_last = page.len() < wanted;
            found.extend(page);
            if is_last {
                break;
            }
        }
        found.iter().map(|(content, _)| parsed(content)).collect()
    }

    async fn reclaimed(&self, contents: &[ContentId]) -> Result<(), StoreError> {
        for some in contents.chunks(ROWS) {
            let names: Vec<&str> = some.iter().map(ContentId::as_str).collect();
            self.link
                .call::<()>(self.ledger("reclaimed").arg(names))
                .await?;
        }
        Ok(())
    }

    async fn references(
        &self,
        after: Option<&(ContentId, Holder)>,
        limit: usize,
    ) -> Result<Vec<(ContentId, Holder)>, StoreError> {
        let mut after = after.map(|(content, holder)| format!("{content} {}", name(*holder)));
        let mut found = Vec::new();
        while found.len() < limit {
            let wanted = CONTENTS.min(limit - found.len());
            let call = self.reading("references").arg(or_empty(after));
            let page: Vec<String> = self.link.call(call.arg(wanted)).await?;
            for text in &page {
                found.push(reference(text)?);
            }
            if page.len() < wanted {
                break;
            }
            after = page.into_iter().last();
        }
        Ok(found)
    }
}

fn name(holder: Holder) -> String {
    match holder {
        Holder::Entry(message) => format!("e{message}"),
        Holder::Account(account) => format!("a{account}"),
    }
}

/// Reads `CONTENT HOLDER`.
fn reference(text: &str) -> Result<(ContentId, Holder), StoreError> {
    let unreadable = || corrupt(text, "no reference");
    let (content, holder) = text.split_once(' ').ok_or_else(unreadable)?;
    let holder = match holder.split_at_checked(1).ok_or_else(unreadable)? {
        ("e", message) => Holder::Entry(parsed(message)?),
        ("a", account) => Holder::Account(parsed(account)?),
        _ => return Err(unreadable()),
    };
    Ok((parsed(content)?, holder))
}
