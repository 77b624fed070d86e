//! What spans accounts: their registry is read in pages, and each account asked
//! for its own. Accounts share no step, so what changes meanwhile may be seen or
//! not.

use std::collections::HashMap;

use message::{AccountId, ContentId, MessageId};

use super::super::RedisStore;
use super::super::connection::Call;
use super::account::INDEX;
use super::{CHUNK, Owner, content};
use crate::StoreError;
use crate::mailbox::Release;

/// How many accounts are read at once.
const ACCOUNTS: usize = 100;

/// How many chunks of deleted mailboxes are emptied along the way.
const CHUNKS_ALONG: usize = 8;

impl RedisStore {
    /// Releases of accounts that may have some; also goes on emptying what a
    /// crash left of deleted mailboxes and removed accounts.
    pub(super) async fn waiting_releases(&self, limit: usize) -> Result<Vec<Release>, StoreError> {
        let mut waiting = Vec::new();
        let mut chunks = CHUNKS_ALONG;
        let mut first = 0;
        while waiting.len() < limit {
            let call = Call::read("mailbox_busy", INDEX)
                .arg(first)
                .arg(first + ACCOUNTS - 1);
            let accounts: Vec<String> = self.link.call(call).await?;
            first += accounts.len();
            for account in &accounts {
                let owner = self.owner(parsed(account)?);
                owner.empty_some(&mut chunks).await?;
                let contents = owner.releases(limit - waiting.len()).await?;
                if contents.is_empty() && chunks > 0 {
                    let call = Call::write("mailbox_unmark_busy", INDEX).arg(account);
                    let unmarked: usize = self.link.call(call).await?;
                    first -= unmarked;
                }
                waiting.extend(contents);
                if waiting.len() >= limit {
                    break;
                }
            }
            if accounts.len() < ACCOUNTS {
                break;
            }
        }
        Ok(waiting)
    }

    pub(super) async fn drop_releases(&self, releases: &[Release]) -> Result<(), StoreError> {
        let mut by_account: HashMap<AccountId, Vec<&str>> = HashMap::new();
        for Release { account, content } in releases {
            by_account
                .entry(*account)
                .or_default()
                .push(content.as_str());
        }
        for (account, contents) in by_account {
            self.drop_from(account, "mailbox_released", &contents)
                .await?;
        }
        Ok(())
    }

    /// Delivery records above `after`, by account and message.
    pub(super) async fn all_deliveries(
        &self,
        after: Option<(AccountId, MessageId)>,
        limit: usize,
    ) -> Result<Vec<(AccountId, MessageId)>, StoreError> {
        let mut found = Vec::new();
        let mut walk = Walk::from(after.map(|(account, _)| account));
        while found.len() < limit
            && let Some(account) = walk.next(self).await?
        {
            let after = after.filter(|(first, _)| *first == account);
            let after = after.map(|(_, message)| message.bits().to_be_bytes());
            let call = Call::read("mailbox_deliveries", &self.owner(account).key)
                .arg(after.as_ref().map_or(&[][..], |bits| bits))
                .limit(limit - found.len());
            let messages: Vec<Vec<u8>> = self.link.call(call).await?;
            for message in messages {
                let bits = message.try_into();
                let bits = bits.map_err(|_| self.owner(account).corrupt("a delivery record"))?;
                found.push((account, MessageId::from_bits(u128::from_be_bytes(bits))));
            }
        }
        Ok(found)
    }

    pub(super) async fn drop_deliveries(
        &self,
        records: &[(AccountId, MessageId)],
    ) -> Result<(), StoreError> {
        let mut by_account: HashMap<AccountId, Vec<[u8; 16]>> = HashMap::new();
        for (account, message) in records {
            let messages = by_account.entry(*account).or_default();
            messages.push(message.bits().to_be_bytes());
        }
        for (account, messages) in by_account {
            let messages: Vec<&[u8]> = messages.iter().map(<[u8; 16]>::as_slice).collect();
            self.drop_from(account, "mailbox_forget_deliveries", &messages)
                .await?;
        }
        Ok(())
    }

    /// What mailboxes show above `after`, by account and content.
    pub(super) async fn all_shown(
        &self,
        after: Option<&Release>,
        limit: usize,
    ) -> Result<Vec<Release>, StoreError> {
        let mut found = Vec::new();
        let mut walk = Walk::from(after.map(|after| after.account));
        while found.len() < limit
            && let Some(account) = walk.next(self).await?
        {
            let owner = self.owner(account);
            let after = after.filter(|after| after.account == account);
            let shown = Call::read("mailbox_shown", &owner.key);
            let mut contents = owner.contents(shown).await?;
            contents.retain(|content| after.is_none_or(|after| *content > after.content));
            contents.sort_unstable();
            contents.truncate(limit - found.len());
            let release = |content| Release { account, content };
            found.extend(contents.into_iter().map(release));
        }
        Ok(found)
    }

    async fn drop_from<T: redis::ToRedisArgs>(
        &self,
        account: AccountId,
        function: &str,
        members: &[T],
    ) -> Result<(), StoreError> {
        for chunk in members.chunks(CHUNK) {
            let call = Call::write(function, &self.owner(account).key).arg(chunk);
            self.link.call::<u64>(call).await?;
        }
        Ok(())
    }
}

impl Owner<'_> {
    async fn releases(&self, limit: usize) -> Result<Vec<Release>, StoreError> {
        let call = Call::read("mailbox_releases", &self.key).limit(limit);
        let account = self.account;
        let release = |content| Release { account, content };
        let contents = self.contents(call).await?;
        Ok(contents.into_iter().map(release).collect())
    }

    /// Goes on with what a crash left, as long as there are `chunks` to do.
    async fn empty_some(&self, chunks: &mut usize) -> Result<(), StoreError> {
        while *chunks > 0 {
            let call = Call::read("mailbox_left", &self.key);
            match self.link.call::<String>(call).await?.as_str() {
                "shelf" => drop(self.empty_shelf().await?),
                "shown" => drop(self.release_some().await?),
                _nothing => return Ok(()),
            }
            *chunks -= 1;
        }
        Ok(())
    }

    async fn contents(&self, call: Call) -> Result<Vec<ContentId>, StoreError> {
        let contents: Vec<Vec<u8>> = self.link.call(call).await?;
        let contents = contents.iter().map(|octets| content::unpacked(octets));
        contents
            .map(|content| content.ok_or_else(|| self.corrupt("a content id")))
            .collect()
    }
}

fn parsed(account: &str) -> Result<AccountId, StoreError> {
    account
        .parse()
        .map_err(|error| super::super::failure::corrupt(INDEX, error))
}

/// A walk through all accounts, in their order.
struct Walk {
    /// The next ones, in reverse order.
    page: Vec<AccountId>,
    /// Where the next page begins; `None` when there is none.
    from: Option<String>,
}

impl Walk {
    /// From this account on, itself included.
    fn from(first: Option<AccountId>) -> Self {
        Self {
            page: Vec::new(),
            from: Some(first.map_or(String::new(), |account| account.to_string())),
        }
    }

    async fn next(&mut self, store: &RedisStore) -> Result<Option<AccountId>, StoreError> {
        if self.page.is_empty()
            && let Some(from) = self.from.take()
        {
            let call = Call::read("mailbox_accounts", INDEX)
                .arg(from)
                .arg(ACCOUNTS);
            let accounts: Vec<String> = store.link.call(call).await?;
            let page = accounts.iter().rev().map(|account| parsed(account));
            self.page = page.collect::<Result<_, _>>()?;
            if accounts.len() == ACCOUNTS
                && let Some(last) = self.page.first()
            {
                self.from = last
                    .bits()
                    .checked_add(1)
                    .map(|next| AccountId::from_bits(next).to_string());
            }
        }
        Ok(self.page.pop())
    }
}
