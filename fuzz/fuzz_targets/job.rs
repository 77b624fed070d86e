//! What travels on a topic: jobs, their keys and destinations, trace context.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use message::{AccountId, ContentId, Destination, Job, JobKey, MessageId, TraceContext};

fuzz_target!(|input: &[u8]| {
    if let Ok(job) = Job::decode(input) {
        let encoded = job.encode();
        assert!(encoded.len() <= 200);
        assert_eq!(Job::decode(&encoded).ok(), Some(job));
    }
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    check::<JobKey>(text);
    check::<Destination>(text);
    check::<TraceContext>(text);
    check::<MessageId>(text);
    check::<AccountId>(text);
    check::<ContentId>(text);
});

/// What `text` stands for, its own text stands for too.
fn check<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let printed = value.to_string();
        assert_eq!(printed.parse().ok(), Some(value), "{printed:?}");
    }
}
