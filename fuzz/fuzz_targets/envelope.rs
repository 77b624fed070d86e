//! Envelopes and outcomes in JSON, as ledger and content store keep them.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use message::{Envelope, Outcome, Recipient};
use serde_json::from_slice;

fuzz_target!(|input: &[u8]| {
    check::<Envelope>(input);
    check::<Recipient>(input);
    check::<Outcome>(input);
});

/// What is read and written is read again.
fn check<T>(json: &[u8])
where
    T: serde::de::DeserializeOwned + serde::Serialize + PartialEq + Debug,
{
    if let Ok(value) = from_slice::<T>(json) {
        let written = serde_json::to_vec(&value).expect("JSON");
        assert_eq!(from_slice::<T>(&written).ok(), Some(value));
    }
}
