//! The rules of a lookup that are the same on every engine.

use message::{Address, LocalPart};

use super::{DomainRecord, Lookup, Via};

/// The names that resolve in every domain (RFC 5321 §4.5.1, RFC 2142 §4).
const ALWAYS: [&str; 2] = ["postmaster", "abuse"];

/// The address without its `+detail` (RFC 5233), if it has one.
pub(crate) fn without_detail(address: &Address) -> Option<Address> {
    let (base, _detail) = address.local_part().as_str().split_once('+')?;
    let base = LocalPart::from_unquoted(base).ok()?;
    Some(Address::new(base, address.domain().clone()))
}

/// Who takes what is addressed to a name that nobody has. One who is that name
/// would be asked for ever, and takes nothing.
pub(crate) fn stand_in(domain: DomainRecord, address: &Address) -> Lookup {
    let always = ALWAYS.contains(&address.local_part().as_str());
    let postmaster = always.then_some((domain.postmaster, Via::Postmaster));
    let catch_all = domain.catch_all.map(|target| (target, Via::CatchAll));
    let found = postmaster
        .into_iter()
        .chain(catch_all)
        .find(|(target, _)| target.folded() != *address);
    match found {
        Some((target, via)) => Lookup::Alias {
            targets: vec![target],
            via,
        },
        None => Lookup::Unknown,
    }
}
