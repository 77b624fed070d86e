//! The directory on Redis: one hash tag for all of it, for it is small and read
//! by single calls. What stands under which key, `functions/directory/` says.
//!
//! Edits are answered after the server's fsync, as everything is there.

mod memory;
mod record;

use async_trait::async_trait;
use message::{AccountId, Address, Domain};

use super::RedisStore;
use super::connection::Call;
use super::failure::corrupt;
use super::mailbox::limits;
use crate::StoreError;
use crate::directory::lookup::{stand_in, without_detail};
use crate::directory::{
    Account, Alias, Directory, DirectoryError, DomainRecord, Lookup, PasswordHash, Via,
};
use crate::mailbox::Quota;
pub(super) use memory::Memory;
use record::{AccountFields, from_json, json, name};

/// The library `rohrpost_directory`.
pub(super) const FUNCTIONS: &[&str] = &[
    include_str!("../functions/directory/change.lua"),
    include_str!("../functions/directory/names.lua"),
    include_str!("../functions/directory/domain.lua"),
    include_str!("../functions/directory/account.lua"),
    include_str!("../functions/directory/alias.lua"),
    include_str!("../functions/directory/lookup.lua"),
];

/// What all keys of the directory begin with.
const KEY: &str = "d:{directory}";

fn read(function: &str) -> Call {
    Call::read(function, KEY)
}

fn write(function: &str) -> Call {
    Call::write(function, KEY)
}

#[async_trait]
impl Directory for RedisStore {
    async fn add_domain(&self, domain: DomainRecord) -> Result<(), DirectoryError> {
        let call = write("directory_add_domain")
            .arg(domain.name.as_str())
            .arg(json(&domain)?);
        self.edit(call, &domain.name, &domain.name).await
    }

    async fn update_domain(&self, domain: DomainRecord) -> Result<(), DirectoryError> {
        let call = write("directory_update_domain")
            .arg(domain.name.as_str())
            .arg(json(&domain)?);
        self.edit(call, &domain.name, &domain.name).await
    }

    async fn domain(&self, name: &Domain) -> Result<Option<DomainRecord>, StoreError> {
        let asked = async {
            let call = read("directory_domain").arg(name.as_str());
            optional_json(self.link.call(call).await?)
        };
        let answers = self.memory.answers();
        answers.domains.answer(name.clone(), asked).await
    }

    async fn primary_domain(&self) -> Result<Option<DomainRecord>, StoreError> {
        let call = read("directory_primary_domain");
        optional_json(self.link.call(call).await?)
    }

    async fn domains(
        &self,
        after: Option<&Domain>,
        limit: usize,
    ) -> Result<Vec<DomainRecord>, StoreError> {
        let call = read("directory_domains")
            .arg(after.map_or("", Domain::as_str))
            .limit(limit);
        let page: Vec<String> = self.link.call(call).await?;
        page.iter().map(|text| from_json(text)).collect()
    }

    async fn remove_domain(&self, name: &Domain) -> Result<(), DirectoryError> {
        let call = write("directory_remove_domain").arg(name.as_str());
        self.edit(call, name, name).await
    }

    async fn add_account(&self, account: Account) -> Result<(), DirectoryError> {
        let address = account.address.folded();
        let call = write("directory_add_account")
            .arg(address.domain().as_str())
            .arg(name(&address))
            .arg(account.id.to_string())
            .arg(address.to_string())
            .arg(account.password.expose())
            .arg(limits(account.quota));
        match self.changed::<Edited>(call).await? {
            Edited::IdExists => Err(DirectoryError::Exists(format!("account {}", account.id))),
            edited => edited.result(address.domain(), &address),
        }
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let asked = async {
            let call = read("directory_account").arg(id.to_string());
            optional_account(self.link.call(call).await?)
        };
        self.memory.answers().accounts.answer(id, asked).await
    }

    async fn account_at(&self, address: &Address) -> Result<Option<Account>, StoreError> {
        let call = read("directory_account_at").arg(name(address));
        optional_account(self.link.call(call).await?)
    }

    async fn accounts(
        &self,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        let call = read("directory_accounts")
            .arg(after.map_or(String::new(), name))
            .limit(limit);
        let page: Vec<AccountFields> = self.link.call(call).await?;
        page.into_iter().map(Account::try_from).collect()
    }

    async fn set_password(
        &self,
        address: &Address,
        password: PasswordHash,
    ) -> Result<(), DirectoryError> {
        let call = write("directory_set_password")
            .arg(name(address))
            .arg(password.expose());
        self.edit(call, address.domain(), address).await
    }

    async fn set_quota(&self, address: &Address, quota: Quota) -> Result<(), DirectoryError> {
        let call = write("directory_set_quota")
            .arg(name(address))
            .arg(limits(quota));
        self.edit(call, address.domain(), address).await
    }

    async fn remove_account(&self, address: &Address) -> Result<Account, DirectoryError> {
        // Who removed it must get to see it: a repetition would find nothing.
        let call = write("directory_remove_account").arg(name(address)).once();
        let removed = optional_account(self.changed(call).await?)?;
        removed.ok_or_else(|| DirectoryError::Missing(address.to_string()))
    }

    async fn add_alias(&self, alias: Alias) -> Result<(), DirectoryError> {
        if alias.targets.is_empty() {
            let misuse = format!("an alias {} without a target", alias.address);
            return Err(StoreError::Misused(misuse).into());
        }
        let alias = Alias {
            address: alias.address.folded(),
            ..alias
        };
        let call = write("directory_add_alias")
            .arg(alias.address.domain().as_str())
            .arg(name(&alias.address))
            .arg(json(&alias)?);
        self.edit(call, alias.address.domain(), &alias.address)
            .await
    }

    async fn alias(&self, address: &Address) -> Result<Option<Alias>, StoreError> {
        let call = read("directory_alias").arg(name(address));
        optional_json(self.link.call(call).await?)
    }

    async fn aliases(
        &self,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<Alias>, StoreError> {
        let call = read("directory_aliases")
            .arg(after.map_or(String::new(), name))
            .limit(limit);
        let page: Vec<String> = self.link.call(call).await?;
        page.iter().map(|text| from_json(text)).collect()
    }

    async fn remove_alias(&self, address: &Address) -> Result<(), DirectoryError> {
        let call = write("directory_remove_alias").arg(name(address));
        self.edit(call, address.domain(), address).await
    }

    async fn lookup(&self, address: &Address) -> Result<Lookup, StoreError> {
        let address = address.folded();
        let asked = async {
            let mut call = read("directory_lookup")
                .arg(address.domain().as_str())
                .arg(name(&address));
            if let Some(base) = without_detail(&address) {
                call = call.arg(name(&base));
            }
            match self.link.call(call).await? {
                None => Ok(Lookup::NotLocal),
                Some(found) => found_by(found, &address),
            }
        };
        let answers = self.memory.answers();
        answers.lookups.answer(address.clone(), asked).await
    }
}

/// The domain's record, the number of the name that was found, what it is, and
/// its fields.
type Found = (String, u8, String, Vec<String>);

fn found_by(
    (domain, number, kind, fields): Found,
    address: &Address,
) -> Result<Lookup, StoreError> {
    let via = match number {
        0 => Via::Exact,
        _without_detail => Via::Subaddress,
    };
    match (kind.as_str(), fields.as_slice()) {
        ("account", fields) => {
            let fields = AccountFields::read(fields.to_vec());
            let fields = fields.ok_or_else(|| corrupt(KEY, "an account of another form"))?;
            let account = Account::try_from(fields)?;
            Ok(Lookup::Account { account, via })
        }
        ("alias", [record]) => {
            let Alias { targets, .. } = from_json(record)?;
            Ok(Lookup::Alias { targets, via })
        }
        ("unknown", []) => Ok(stand_in(from_json(&domain)?, address)),
        _other => Err(corrupt(KEY, "a lookup gave something unknown")),
    }
}

/// What a function says of an edit.
enum Edited {
    Done,
    Exists,
    IdExists,
    Missing,
    NoDomain,
    InUse,
}

impl redis::FromRedisValue for Edited {
    fn from_redis_value(value: redis::Value) -> Result<Self, redis::ParsingError> {
        match String::from_redis_value(value)?.as_str() {
            "done" => Ok(Self::Done),
            "exists" => Ok(Self::Exists),
            "id exists" => Ok(Self::IdExists),
            "missing" => Ok(Self::Missing),
            "no domain" => Ok(Self::NoDomain),
            "in use" => Ok(Self::InUse),
            other => Err(format!("{other:?} is no answer to an edit").into()),
        }
    }
}

impl Edited {
    /// As the port says it of an edit of `name` in `domain`.
    fn result(self, domain: &Domain, name: &impl ToString) -> Result<(), DirectoryError> {
        match self {
            Self::Done => Ok(()),
            Self::Exists | Self::IdExists => Err(DirectoryError::Exists(name.to_string())),
            Self::Missing => Err(DirectoryError::Missing(name.to_string())),
            Self::NoDomain => Err(DirectoryError::Missing(domain.to_string())),
            Self::InUse => Err(DirectoryError::InUse(domain.clone())),
        }
    }
}

impl RedisStore {
    async fn edit(
        &self,
        call: Call,
        domain: &Domain,
        name: &impl ToString,
    ) -> Result<(), DirectoryError> {
        self.changed::<Edited>(call).await?.result(domain, name)
    }

    /// Calls a function that edits. It may have, even if its answer was lost.
    async fn changed<T: redis::FromRedisValue>(&self, call: Call) -> Result<T, StoreError> {
        let reply = self.link.call(call).await;
        self.memory.forget();
        reply
    }
}

fn optional_json<T: serde::de::DeserializeOwned>(
    text: Option<String>,
) -> Result<Option<T>, StoreError> {
    text.as_deref().map(from_json).transpose()
}

fn optional_account(fields: Option<AccountFields>) -> Result<Option<Account>, StoreError> {
    fields.map(Account::try_from).transpose()
}
