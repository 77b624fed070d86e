//! Where a message has been: the addresses in its Delivered-To fields.
//!
//! Whoever passes a message on names there by which alias (RFC 9228). An alias
//! that finds itself there is in a loop that may lead over other hosts.

use std::collections::HashSet;
use std::ops::ControlFlow;

use content::{ContentStore, Error};
use message::{Address, ContentId};
use smtp::header::{HeaderCollector, HeaderSection};

/// The addresses, folded, that the header section of a content names.
///
/// A section over [`HeaderCollector::MAX`] tells nothing; its loop ends by the
/// number of its `Received:` fields (RFC 5321 §6.3).
pub(crate) async fn read(
    store: &dyn ContentStore,
    id: &ContentId,
) -> Result<HashSet<Address>, Error> {
    let section = header(store, id).await?;
    Ok(section
        .map(|section| addresses(&section))
        .unwrap_or_default())
}

async fn header(store: &dyn ContentStore, id: &ContentId) -> Result<Option<HeaderSection>, Error> {
    let mut reader = store.open(id).await?;
    let mut collector = HeaderCollector::new();
    while let Some(octets) = reader.read().await? {
        match collector.push(&octets) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break((section, _body))) => return Ok(Some(section)),
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(collector.finish()))
}

fn addresses(section: &HeaderSection) -> HashSet<Address> {
    let texts = section
        .values("Delivered-To")
        .filter_map(|value| std::str::from_utf8(value).ok());
    // Others may write anything there; what is no address is none of ours.
    let addresses = texts.filter_map(|text| text.parse::<Address>().ok());
    addresses.map(|address| address.folded()).collect()
}
