//! What an address stands for, in one snapshot.

use message::{Address, LocalPart};

use super::super::engine::Read;
use super::{DomainState, account_key, alias_key, domain_key};
use crate::StoreError;
use crate::directory::{Alias, DomainRecord, Lookup, Via};

/// The names that resolve in every domain (RFC 5321 §4.5.1, RFC 2142 §4).
const ALWAYS: [&str; 2] = ["postmaster", "abuse"];

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
    Ok(stand_in(domain.record, &address).unwrap_or(Lookup::Unknown))
}

/// The account or alias that has just this name.
fn named(read: &impl Read, address: &Address, via: Via) -> Result<Option<Lookup>, StoreError> {
    if let Some(account) = read.get_json(&account_key(address))? {
        return Ok(Some(Lookup::Account { account, via }));
    }
    let alias = read.get_json::<Alias>(&alias_key(address))?;
    Ok(alias.map(|Alias { targets, .. }| Lookup::Alias { targets, via }))
}

/// The address without its `+detail` (RFC 5233), if it has one.
fn without_detail(address: &Address) -> Option<Address> {
    let (base, _detail) = address.local_part().as_str().split_once('+')?;
    let base = LocalPart::from_unquoted(base).ok()?;
    Some(Address::new(base, address.domain().clone()))
}

/// Who takes what is addressed to a name that nobody has. One who is that name
/// would be asked for ever, and takes nothing.
fn stand_in(domain: DomainRecord, address: &Address) -> Option<Lookup> {
    let always = ALWAYS.contains(&address.local_part().as_str());
    let postmaster = always.then_some((domain.postmaster, Via::Postmaster));
    let catch_all = domain.catch_all.map(|target| (target, Via::CatchAll));
    postmaster
        .into_iter()
        .chain(catch_all)
        .find(|(target, _)| target.folded() != *address)
        .map(|(target, via)| Lookup::Alias {
            targets: vec![target],
            via,
        })
}
