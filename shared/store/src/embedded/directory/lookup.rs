//! What an address stands for, in one snapshot.

use message::Address;

use super::super::engine::Read;
use super::{DomainState, account_key, alias_key, domain_key};
use crate::StoreError;
use crate::directory::lookup::{stand_in, without_detail};
use crate::directory::{Alias, Lookup, Via};

pub(super) fn look_up(read: &impl Read, address: &Address) -> Result<Lookup, StoreError> {
    let address = address.folded();
    let Some(domain) = read.get_json::<DomainState>(&domain_key(address.domain()))? else {
        return Ok(Lookup::NotLocal);
    };
    if let Some(found) = named(read, &address, Via::Exact)? {
        return Ok(found);
    }
    if let Some(base) = without_detail(&address)
        && let Some(found) = named(read, &base, Via::Subaddress)?
    {
        return Ok(found);
    }
    Ok(stand_in(domain.record, &address))
}

/// The account or alias that has just this name.
fn named(read: &impl Read, address: &Address, via: Via) -> Result<Option<Lookup>, StoreError> {
    if let Some(account) = read.get_json(&account_key(address))? {
        return Ok(Some(Lookup::Account { account, via }));
    }
    let alias = read.get_json::<Alias>(&alias_key(address))?;
    Ok(alias.map(|Alias { targets, .. }| Lookup::Alias { targets, via }))
}
