//! Addresses and their parts: what is read and printed is read again, in bounds.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use message::{Address, Domain, LocalPart, ReversePath};

fuzz_target!(|text: &str| {
    if let Some(address) = check::<Address>(text) {
        assert!(address.to_string().len() <= 2 * LocalPart::MAX + 3 + Domain::MAX);
        assert_eq!(address.needs_smtputf8(), !address.to_string().is_ascii());
        let folded = address.folded();
        assert_eq!(folded.folded(), folded);
        assert_eq!(check(&folded.to_string()), Some(folded));
    }
    if let Some(local) = check::<LocalPart>(text) {
        assert!((1..=LocalPart::MAX).contains(&local.as_str().len()));
        assert_eq!(LocalPart::from_unquoted(local.as_str()), Ok(local));
    }
    if let Ok(local) = LocalPart::from_unquoted(text) {
        assert_eq!(local.as_str(), text);
        assert_eq!(check(&local.to_string()), Some(local));
    }
    if let Some(domain) = check::<Domain>(text) {
        assert!((1..=Domain::MAX).contains(&domain.as_str().len()));
        assert!(domain.as_str().is_ascii());
        let literal = domain.literal().map(Domain::from_ip);
        assert!(literal.is_none_or(|literal| literal == domain));
    }
    if let Some(path) = check::<ReversePath>(text) {
        assert_eq!(path.is_null(), path.address().is_none());
    }
});

/// The value that `text` stands for, which its own text stands for too.
fn check<T: FromStr + Display + Debug + PartialEq>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    let printed = value.to_string();
    assert!(!printed.chars().any(char::is_control), "{printed:?}");
    assert_eq!(printed.parse().ok().as_ref(), Some(&value), "{printed:?}");
    Some(value)
}
