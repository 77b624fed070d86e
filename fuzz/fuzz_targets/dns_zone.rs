//! Zones of any text, and the answers out of them.
#![no_main]

use std::sync::LazyLock;

use dns::{DnsError, MailHosts, Resolver, Zone};
use libfuzzer_sys::fuzz_target;
use message::Domain;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(fuzz::runtime);

fuzz_target!(|text: &str| {
    let lines = text.lines().count();
    let zone: Zone = match text.parse() {
        Ok(zone) => zone,
        Err(error) => {
            let told = error.to_string();
            let number = told.split(' ').nth(1).and_then(|n| n.parse().ok());
            assert!(
                number.is_some_and(|n: usize| (1..=lines).contains(&n)),
                "{told}"
            );
            return;
        }
    };
    let names = text.split_whitespace().filter_map(|word| word.parse().ok());
    for name in names.take(50) {
        RUNTIME.block_on(ask(&zone, &name));
    }
});

async fn ask(zone: &Zone, name: &Domain) {
    match zone.mx(name).await {
        Ok(MailHosts::Listed(hosts)) => {
            assert!(hosts.is_sorted_by_key(|host| host.preference));
            assert!(!hosts.is_empty());
        }
        Ok(MailHosts::Implicit | MailHosts::Null) => {}
        Err(error) => assert!(!matches!(error, DnsError::NoRecords { .. })),
    }
    match zone.addresses(name).await {
        Ok(found) => {
            assert!(!found.is_empty());
            assert!(found.is_sorted_by_key(|address| address.is_ipv6()));
        }
        Err(error) => {
            let temporary = matches!(error, DnsError::Temporary { .. });
            assert_eq!(error.is_temporary(), temporary);
        }
    }
}
