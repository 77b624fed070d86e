//! Return paths on their way out and back.

use super::*;
use proptest::prelude::*;

const NOON: &str = "2026-11-23T12:00:00Z";

fn at(days: i64) -> Timestamp {
    let noon: Timestamp = NOON.parse().unwrap();
    noon + jiff::SignedDuration::from_secs(days * SECONDS_PER_DAY)
}

fn rewriter(domain: &str, secrets: &[&str]) -> Rewriter {
    let max_age = Duration::from_secs(21 * SECONDS_PER_DAY as u64);
    Rewriter::new(domain.parse().unwrap(), secrets, max_age).unwrap()
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

#[test]
fn a_return_path_is_rewritten_and_restored() {
    let ours = rewriter("ours.example", &["a secret"]);
    let rewritten = ours.rewrite(&address("alice@example.com"), at(0)).unwrap();
    let text = rewritten.to_string();
    assert!(
        text.starts_with("SRS0=") && text.ends_with("=example.com=alice@ours.example"),
        "{text}"
    );
    let restored = ours.restore(&rewritten, at(0));
    assert_eq!(restored, Some(Ok(address("alice@example.com"))));
}

#[test]
fn what_others_rewrote_leads_back_to_the_first_of_them() {
    let [one, two, three] =
        ["one", "two", "three"].map(|name| rewriter(&format!("{name}.example"), &[name]));
    let sender = address("alice@example.com");
    let first = one.rewrite(&sender, at(0)).unwrap();
    let second = two.rewrite(&first, at(0)).unwrap();
    let third = three.rewrite(&second, at(0)).unwrap();
    assert!(second.to_string().starts_with("SRS1="), "{second}");
    assert!(third.to_string().contains("=one.example=="), "{third}");
    assert_eq!(second.to_string().len(), third.to_string().len() - 2);
    assert_eq!(three.restore(&third, at(500)), Some(Ok(first.clone())));
    assert_eq!(two.restore(&second, at(500)), Some(Ok(first.clone())));
    assert_eq!(one.restore(&first, at(0)), Some(Ok(sender)));
}

#[test]
fn other_separators_survive_others_hands() {
    let ours = rewriter("ours.example", &["a secret"]);
    let theirs = address("srs0+HHHH=TT=example.com=alice@theirs.example");
    let rewritten = ours.rewrite(&theirs, at(0)).unwrap();
    assert!(rewritten.to_string().contains("=theirs.example=+HHHH=TT="));
    let restored = ours.restore(&rewritten, at(0)).unwrap().unwrap();
    assert_eq!(restored.folded(), theirs.folded());
}

#[test]
fn addresses_age() {
    let ours = rewriter("ours.example", &["a secret"]);
    // The time begins anew on the way.
    for start in [0, 300, 900, 1023] {
        let rewritten = ours
            .rewrite(&address("alice@example.com"), at(start))
            .unwrap();
        let restored = |days| ours.restore(&rewritten, at(start + days)).unwrap();
        assert!(restored(-1).is_ok() && restored(0).is_ok() && restored(21).is_ok());
        assert_eq!(restored(22), Err(SrsError::Expired));
        assert_eq!(restored(600), Err(SrsError::Expired));
    }
}

#[test]
fn secrets_rotate() {
    let sender = address("alice@example.com");
    let before = rewriter("ours.example", &["old"]);
    let during = rewriter("ours.example", &["new", "old"]);
    let after = rewriter("ours.example", &["new"]);
    let old = before.rewrite(&sender, at(0)).unwrap();
    let new = during.rewrite(&sender, at(0)).unwrap();
    assert_eq!(during.restore(&old, at(0)), Some(Ok(sender.clone())));
    assert_eq!(after.restore(&new, at(0)), Some(Ok(sender)));
    assert_eq!(after.restore(&old, at(0)), Some(Err(SrsError::Forged)));
    assert!(Rewriter::new("a.example".parse().unwrap(), [""; 0], Duration::ZERO).is_none());
}

#[test]
fn other_addresses_are_no_return_paths() {
    let ours = rewriter("ours.example", &["a secret"]);
    for other in [
        "alice@ours.example",
        "SRS0@ours.example",
        "SRS0x=a=b=c=d@ours.example",
        "SRS0=AAAAAA=AA=example.com=alice@theirs.example",
    ] {
        assert_eq!(ours.restore(&address(other), at(0)), None, "{other}");
    }
    for forged in [
        "SRS0=x@ours.example",
        "SRS0=AAAAAA=AA=example.com=alice@ours.example",
        "srs1-AAAAAA=x==y@ours.example",
        "SRS0====@ours.example",
    ] {
        let restored = ours.restore(&address(forged), at(0));
        assert_eq!(restored, Some(Err(SrsError::Forged)), "{forged}");
    }
}

#[test]
fn what_has_no_room_is_not_rewritten() {
    let ours = rewriter("ours.example", &["a secret"]);
    let long = format!("{}@example.com", "x".repeat(60));
    assert_eq!(ours.rewrite(&address(&long), at(0)), None);
}

proptest! {
    #[test]
    fn every_address_comes_back(
        local in "[ -~äß]{1,15}", domain in "[a-z]{1,10}(\\.[a-z0-9]{1,5}){0,2}", days in 0_i64..30_000,
    ) {
        let ours = rewriter("ours.example", &["a secret"]);
        let local = LocalPart::from_unquoted(&local).unwrap();
        let sender = Address::new(local, domain.parse().unwrap());
        let rewritten = ours.rewrite(&sender, at(days)).unwrap();
        // As text, the way it comes back.
        let rewritten: Address = rewritten.to_string().parse().unwrap();
        prop_assert_eq!(ours.restore(&rewritten, at(days)), Some(Ok(sender.clone())));
        let lower = ours.restore(&rewritten.folded(), at(days)).unwrap();
        prop_assert_eq!(lower.map(|address| address.folded()), Ok(sender.folded()));
    }

    #[test]
    fn no_changed_address_is_taken(at_char in 5_usize..43, to in "[A-Z2-7]") {
        let ours = rewriter("ours.example", &["a secret"]);
        let rewritten = ours.rewrite(&address("someone.else@sub.example.com"), at(0)).unwrap();
        let mut local = rewritten.local_part().as_str().to_owned();
        prop_assume!(at_char < local.len() && !local[at_char..=at_char].eq_ignore_ascii_case(&to));
        local.replace_range(at_char..=at_char, &to);
        let changed = Address::new(LocalPart::from_unquoted(&local).unwrap(), ours.domain().clone());
        prop_assert_eq!(ours.restore(&changed, at(0)), Some(Err(SrsError::Forged)));
    }

    #[test]
    fn no_address_makes_it_panic(local in "(SRS[01][-+=])?\\PC{1,40}", domain in "(ours|theirs)\\.example") {
        let ours = rewriter("ours.example", &["a secret"]);
        if let Ok(local) = LocalPart::from_unquoted(&local) {
            let address = Address::new(local, domain.parse().unwrap());
            let _ = ours.restore(&address, at(0));
            if let Some(rewritten) = ours.rewrite(&address, at(0)) {
                prop_assert!(ours.restore(&rewritten, at(0)).unwrap().is_ok());
            }
        }
    }
}
