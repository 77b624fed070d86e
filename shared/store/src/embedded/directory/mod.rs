//! The directory on the embedded engine.
//!
//! | key | value |
//! | --- | --- |
//! | Domain · name | [`DomainState`] |
//! | DomainOrder · order | the domain's name, by when it was added |
//! | DomainCount | the order that the next domain gets |
//! | Account · domain · local part | [`Account`] |
//! | AccountName · id | the account's address |
//! | Alias · domain · local part | [`Alias`] |
//!
//! Local parts in keys are folded. An edit checks first and writes last, so a
//! refused one has written nothing; it returns after its fsync.

mod edit;
mod lookup;

use async_trait::async_trait;
use message::{AccountId, Address, Domain};
use serde::{Deserialize, Serialize};

use super::EmbeddedStore;
use super::engine::{Durability, Read, Step, from_json};
use super::key::{Key, Space};
use super::page::{corrupt, page};
use crate::StoreError;
use crate::directory::{
    Account, Alias, Directory, DirectoryError, DomainRecord, Lookup, PasswordHash,
};
use crate::mailbox::Quota;

/// A domain, and when it was added among the others.
#[derive(Serialize, Deserialize)]
struct DomainState {
    order: u64,
    record: DomainRecord,
}

fn domain_key(name: &Domain) -> Key {
    Key::new(Space::Domain).text(name.as_str())
}

fn order_key(order: u64) -> Key {
    Key::new(Space::DomainOrder).u64(order)
}

fn account_key(address: &Address) -> Key {
    name_key(Space::Account, address)
}

fn alias_key(address: &Address) -> Key {
    name_key(Space::Alias, address)
}

fn name_key(space: Space, address: &Address) -> Key {
    Key::new(space)
        .text(address.domain().as_str())
        .text(address.local_part().folded().as_str())
}

fn account_name_key(id: AccountId) -> Key {
    Key::new(Space::AccountName).u64(id.bits())
}

#[async_trait]
impl Directory for EmbeddedStore {
    async fn add_domain(&self, domain: DomainRecord) -> Result<(), DirectoryError> {
        self.edit(|step| edit::add_domain(step, domain)).await
    }

    async fn update_domain(&self, domain: DomainRecord) -> Result<(), DirectoryError> {
        self.edit(|step| edit::update_domain(step, domain)).await
    }

    async fn domain(&self, name: &Domain) -> Result<Option<DomainRecord>, StoreError> {
        self.engine.read(|read| domain(read, name))
    }

    async fn primary_domain(&self) -> Result<Option<DomainRecord>, StoreError> {
        self.engine.read(|read| {
            let Some((key, name)) = read.first(&Key::new(Space::DomainOrder))? else {
                return Ok(None);
            };
            domain(read, &from_json(&key, &name)?)
        })
    }

    async fn domains(
        &self,
        after: Option<&Domain>,
        limit: usize,
    ) -> Result<Vec<DomainRecord>, StoreError> {
        let prefix = Key::new(Space::Domain);
        let after = after.map(domain_key);
        self.engine.read(|read| {
            page(read, &prefix, after.as_ref(), limit, |key, value| {
                from_json::<DomainState>(key, value).map(|state| state.record)
            })
        })
    }

    async fn remove_domain(&self, name: &Domain) -> Result<(), DirectoryError> {
        let name = name.clone();
        self.edit(move |step| edit::remove_domain(step, name)).await
    }

    async fn add_account(&self, account: Account) -> Result<(), DirectoryError> {
        self.edit(|step| edit::add_account(step, account)).await
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.engine.read(|read| {
            let key = account_name_key(id);
            let Some(address) = read.get_json::<Address>(&key)? else {
                return Ok(None);
            };
            let account = read.get_json(&account_key(&address))?;
            let missing = || corrupt(key.as_bytes(), format_args!("no account at {address}"));
            account.ok_or_else(missing).map(Some)
        })
    }

    async fn account_at(&self, address: &Address) -> Result<Option<Account>, StoreError> {
        let key = account_key(address);
        self.engine.read(|read| read.get_json(&key))
    }

    async fn accounts(
        &self,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        let prefix = Key::new(Space::Account);
        let after = after.map(account_key);
        self.engine
            .read(|read| page(read, &prefix, after.as_ref(), limit, from_json))
    }

    async fn set_password(
        &self,
        address: &Address,
        password: PasswordHash,
    ) -> Result<(), DirectoryError> {
        let address = address.clone();
        self.edit(move |step| {
            edit::change_account(step, &address, |account| account.password = password)
        })
        .await
    }

    async fn set_quota(&self, address: &Address, quota: Quota) -> Result<(), DirectoryError> {
        let address = address.clone();
        self.edit(move |step| edit::change_account(step, &address, |account| account.quota = quota))
            .await
    }

    async fn remove_account(&self, address: &Address) -> Result<Account, DirectoryError> {
        let address = address.clone();
        self.edit(move |step| edit::remove_account(step, &address))
            .await
    }

    async fn add_alias(&self, alias: Alias) -> Result<(), DirectoryError> {
        self.edit(|step| edit::add_alias(step, alias)).await
    }

    async fn alias(&self, address: &Address) -> Result<Option<Alias>, StoreError> {
        let key = alias_key(address);
        self.engine.read(|read| read.get_json(&key))
    }

    async fn aliases(
        &self,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<Alias>, StoreError> {
        let prefix = Key::new(Space::Alias);
        let after = after.map(alias_key);
        self.engine
            .read(|read| page(read, &prefix, after.as_ref(), limit, from_json))
    }

    async fn remove_alias(&self, address: &Address) -> Result<(), DirectoryError> {
        let address = address.clone();
        self.edit(move |step| edit::remove_alias(step, &address))
            .await
    }

    async fn lookup(&self, address: &Address) -> Result<Lookup, StoreError> {
        self.engine.read(|read| lookup::look_up(read, address))
    }
}

impl EmbeddedStore {
    /// Runs an edit as one durable step. A refusal is no failure of the engine.
    async fn edit<T: Send + 'static>(
        &self,
        edit: impl FnOnce(&mut Step<'_>) -> Result<T, DirectoryError> + Send + 'static,
    ) -> Result<T, DirectoryError> {
        self.engine
            .write(Durability::Durable, |step| match edit(step) {
                Err(DirectoryError::Store(failed)) => Err(failed),
                done_or_refused => Ok(done_or_refused),
            })
            .await?
    }
}

fn domain(read: &impl Read, name: &Domain) -> Result<Option<DomainRecord>, StoreError> {
    let state = read.get_json::<DomainState>(&domain_key(name))?;
    Ok(state.map(|state| state.record))
}
