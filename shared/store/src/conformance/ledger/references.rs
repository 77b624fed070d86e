//! Who refers to content.

use super::fixture::*;
use crate::ledger::{Holder, Referred};

pub(super) async fn the_last_release_condemns(s: &Setting) {
    let c = content(1);
    let holders = [
        Holder::Account(account(1)),
        Holder::Account(account(2)),
        Holder::Entry(message(3)),
    ];
    for holder in holders {
        assert_eq!(s.ledger.refer(&c, holder).await.unwrap(), Referred::Held);
        assert_eq!(s.ledger.refer(&c, holder).await.unwrap(), Referred::Held);
    }
    assert_eq!(s.ledger.holders(&c).await.unwrap().len(), 3);
    s.ledger
        .release(&c, Holder::Account(account(9)))
        .await
        .unwrap();
    for holder in &holders[..2] {
        s.ledger.release(&c, *holder).await.unwrap();
        s.ledger.release(&c, *holder).await.unwrap();
    }
    s.clock.advance(MINUTE);
    assert!(s.ledger.condemned(s.now(), 10).await.unwrap().is_empty());
    let at = s.now();
    s.ledger.release(&c, holders[2]).await.unwrap();
    let refused = s.ledger.refer(&c, holders[0]).await.unwrap();
    assert_eq!(refused, Referred::Condemned);
    assert!(s.ledger.holders(&c).await.unwrap().is_empty());

    s.clock.advance(MINUTE);
    s.ledger.release(&c, holders[2]).await.unwrap();
    assert!(s.ledger.condemn(&c).await.unwrap());
    assert!(s.ledger.condemned(at, 10).await.unwrap().is_empty());
    let old = s.ledger.condemned(at + MINUTE, 10).await.unwrap();
    assert_eq!(old, std::slice::from_ref(&c), "it was condemned once");
    s.ledger.reclaimed(std::slice::from_ref(&c)).await.unwrap();
    s.ledger.reclaimed(std::slice::from_ref(&c)).await.unwrap();
    assert!(s.ledger.condemned(s.now(), 10).await.unwrap().is_empty());
    s.ledger.release(&c, holders[2]).await.unwrap();
    assert!(
        s.ledger
            .condemned(s.now() + MINUTE, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        s.ledger.refer(&c, holders[0]).await.unwrap(),
        Referred::Held
    );
}

pub(super) async fn a_sweep_condemns_only_what_nobody_refers_to(s: &Setting) {
    s.ledger
        .refer(&content(1), Holder::Account(account(1)))
        .await
        .unwrap();
    assert!(!s.ledger.condemn(&content(1)).await.unwrap());
    for number in [5, 4, 3] {
        assert!(s.ledger.condemn(&content(number)).await.unwrap());
        s.clock.advance(MINUTE);
    }
    let oldest = s.ledger.condemned(s.now(), 2).await.unwrap();
    assert_eq!(oldest, [content(5), content(4)]);
}

pub(super) async fn references_come_in_pages(s: &Setting) {
    let mut all = Vec::new();
    for number in 1..=4 {
        for holder in [Holder::Entry(message(number)), Holder::Account(account(7))] {
            s.ledger.refer(&content(number), holder).await.unwrap();
            all.push((content(number), holder));
        }
    }
    let mut found = Vec::new();
    loop {
        let page = s.ledger.references(found.last(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 3);
        found.extend(page);
    }
    assert!(found.is_sorted_by_key(|(content, _)| content));
    found.sort();
    all.sort();
    assert_eq!(found, all);
}
