//! dsn-notifier: tells senders of delay, failure and success (RFC 3461–3464).

pub mod notice;
