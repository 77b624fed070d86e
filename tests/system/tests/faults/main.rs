//! Faults of the world around the program, one at a time: other servers that
//! hang up, name servers that fail, a process that stands still, a full disk.
//! Each test counts every message that got 250.

mod account;
mod broker;
mod dialogue;
mod disk;
mod names;
mod redis;
mod stopped;
