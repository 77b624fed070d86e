//! Rewritten return paths: they lead back, in whatever case, and nobody makes
//! them up.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use message::srs::Rewriter;
use message::{Address, Clock, LocalPart, Timestamp};

static REWRITER: LazyLock<Rewriter> = LazyLock::new(|| {
    let domain = "ours.example".parse().unwrap();
    Rewriter::new(domain, ["secret"], Rewriter::MAX_AGE).expect("a secret")
});
static NOW: LazyLock<Timestamp> = LazyLock::new(|| fuzz::clock().now());

fuzz_target!(|text: &str| {
    let Ok(sender) = text.parse::<Address>() else {
        return;
    };
    if let Some(rewritten) = REWRITER.rewrite(&sender, *NOW) {
        check(&sender, &rewritten);
    }
    let forged = Address::new(sender.local_part().clone(), REWRITER.domain().clone());
    if let Some(Ok(original)) = REWRITER.restore(&forged, *NOW) {
        panic!("{forged} stands for {original}");
    }
});

fn check(sender: &Address, rewritten: &Address) {
    assert_eq!(rewritten.domain(), REWRITER.domain());
    assert_eq!(rewritten.to_string().parse().as_ref(), Ok(rewritten));
    let restored = |address| match REWRITER.restore(address, *NOW) {
        Some(Ok(original)) => original,
        other => panic!("{address}: {other:?}"),
    };
    let original = restored(rewritten);
    // What others rewrote leads back to the first of them.
    let tag = sender.local_part().as_str().get(..4);
    let others =
        tag.is_some_and(|tag| tag.eq_ignore_ascii_case("SRS0") || tag.eq_ignore_ascii_case("SRS1"));
    assert!(others || original == *sender, "{original}");

    let shouted = rewritten.local_part().as_str().to_ascii_uppercase();
    let shouted = LocalPart::from_unquoted(&shouted).expect("as long as before");
    let shouted = restored(&Address::new(shouted, rewritten.domain().clone()));
    assert_eq!(shouted.folded(), original.folded());
}
