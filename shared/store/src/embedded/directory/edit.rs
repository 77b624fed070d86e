//! Edits of the directory: each checks first and writes last.
//!
//! Adding the very record that is there succeeds, so that an edit whose reply
//! was lost can be repeated.

use message::{Address, Domain};

use super::super::engine::{Read, Step};
use super::super::key::{Key, Space};
use super::{DomainState, account_key, account_name_key, alias_key, domain_key, order_key};
use crate::StoreError;
use crate::directory::{Account, Alias, DirectoryError, DomainRecord};

pub(super) fn add_domain(step: &mut Step<'_>, record: DomainRecord) -> Result<(), DirectoryError> {
    let key = domain_key(&record.name);
    if let Some(there) = step.get_json::<DomainState>(&key)? {
        return same_or_exists(there.record == record, &record.name);
    }
    let count = Key::new(Space::DomainCount);
    let order = step.get_json::<u64>(&count)?.unwrap_or(0);
    step.put_json(count, &(order + 1))?;
    step.put_json(order_key(order), &record.name)?;
    step.put_json(key, &DomainState { order, record })?;
    Ok(())
}

pub(super) fn update_domain(
    step: &mut Step<'_>,
    record: DomainRecord,
) -> Result<(), DirectoryError> {
    let DomainState { order, .. } = existing_domain(step, &record.name)?;
    step.put_json(domain_key(&record.name), &DomainState { order, record })?;
    Ok(())
}

pub(super) fn remove_domain(step: &mut Step<'_>, name: Domain) -> Result<(), DirectoryError> {
    let DomainState { order, .. } = existing_domain(step, &name)?;
    for space in [Space::Account, Space::Alias] {
        if step.first(&Key::new(space).text(name.as_str()))?.is_some() {
            return Err(DirectoryError::InUse(name));
        }
    }
    step.delete(domain_key(&name));
    step.delete(order_key(order));
    Ok(())
}

pub(super) fn add_account(step: &mut Step<'_>, account: Account) -> Result<(), DirectoryError> {
    let account = Account {
        address: account.address.folded(),
        ..account
    };
    existing_domain(step, account.address.domain())?;
    let key = account_key(&account.address);
    if let Some(there) = step.get_json::<Account>(&key)? {
        return same_or_exists(there == account, &account.address);
    }
    if step.exists(&alias_key(&account.address))? {
        return Err(DirectoryError::Exists(account.address.to_string()));
    }
    let name = account_name_key(account.id);
    if step.exists(&name)? {
        return Err(DirectoryError::Exists(format!("account {}", account.id)));
    }
    step.put_json(name, &account.address)?;
    step.put_json(key, &account)?;
    Ok(())
}

pub(super) fn change_account(
    step: &mut Step<'_>,
    address: &Address,
    change: impl FnOnce(&mut Account),
) -> Result<(), DirectoryError> {
    let mut account = existing_account(step, address)?;
    change(&mut account);
    step.put_json(account_key(address), &account)?;
    Ok(())
}

pub(super) fn remove_account(
    step: &mut Step<'_>,
    address: &Address,
) -> Result<Account, DirectoryError> {
    let account = existing_account(step, address)?;
    step.delete(account_key(address));
    step.delete(account_name_key(account.id));
    Ok(account)
}

pub(super) fn add_alias(step: &mut Step<'_>, alias: Alias) -> Result<(), DirectoryError> {
    if alias.targets.is_empty() {
        let misuse = format!("an alias {} without a target", alias.address);
        return Err(StoreError::Misused(misuse).into());
    }
    let alias = Alias {
        address: alias.address.folded(),
        ..alias
    };
    existing_domain(step, alias.address.domain())?;
    let key = alias_key(&alias.address);
    if let Some(there) = step.get_json::<Alias>(&key)? {
        return same_or_exists(there == alias, &alias.address);
    }
    if step.exists(&account_key(&alias.address))? {
        return Err(DirectoryError::Exists(alias.address.to_string()));
    }
    step.put_json(key, &alias)?;
    Ok(())
}

pub(super) fn remove_alias(step: &mut Step<'_>, address: &Address) -> Result<(), DirectoryError> {
    let key = alias_key(address);
    if !step.exists(&key)? {
        return Err(DirectoryError::Missing(address.to_string()));
    }
    step.delete(key);
    Ok(())
}

fn existing_domain(step: &Step<'_>, name: &Domain) -> Result<DomainState, DirectoryError> {
    step.get_json(&domain_key(name))?
        .ok_or_else(|| DirectoryError::Missing(name.to_string()))
}

fn existing_account(step: &Step<'_>, address: &Address) -> Result<Account, DirectoryError> {
    step.get_json(&account_key(address))?
        .ok_or_else(|| DirectoryError::Missing(address.to_string()))
}

fn same_or_exists(same: bool, name: &impl ToString) -> Result<(), DirectoryError> {
    if same {
        return Ok(());
    }
    Err(DirectoryError::Exists(name.to_string()))
}
