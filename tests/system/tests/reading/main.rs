//! Programs that people read their mail with, at the real server: each with
//! settings of its own in a home that goes with the test.

mod home;
mod imap;
mod inbox;
mod mbsync;
mod pop3;
mod terminal;
mod thunderbird;
