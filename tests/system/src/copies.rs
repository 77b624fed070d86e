//! Where numbered messages ended, and how often.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::house::House;
use crate::load::Load;
use crate::sink::Sink;

/// How often each message of a [`Load`] is in a place, by its number and the
/// recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copies(BTreeMap<(u64, String), usize>);

impl Copies {
    /// What is in the INBOX of each of `addresses`; what has no number, as a
    /// notice, is left out.
    ///
    /// # Errors
    /// When a mailbox cannot be listed.
    pub async fn in_mailboxes(house: &House, addresses: &[&str]) -> Result<Self> {
        let mut copies = Self::default();
        for address in addresses {
            for message in house.inbox(address).await? {
                let subject = message["subject"].as_str();
                let subject = subject.with_context(|| message.to_string())?;
                if let Some(number) = Load::number(subject) {
                    copies.add(number, address);
                }
            }
        }
        Ok(copies)
    }

    /// What a sink took.
    pub fn at(sink: &Sink) -> Self {
        let mut copies = Self::default();
        for message in sink.received() {
            let subject = message.field("Subject").unwrap_or_default();
            if let Some(number) = Load::number(&subject) {
                message
                    .to
                    .iter()
                    .for_each(|recipient| copies.add(number, recipient));
            }
        }
        copies
    }

    /// Counts one more.
    pub fn add(&mut self, number: u64, recipient: &str) {
        *self.0.entry((number, recipient.to_owned())).or_default() += 1;
    }

    /// How often a message is here for a recipient.
    pub fn of(&self, number: u64, recipient: &str) -> usize {
        let copy = (number, recipient.to_owned());
        self.0.get(&copy).copied().unwrap_or_default()
    }

    /// How many different copies there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How many of them are there more than once.
    pub fn doubled(&self) -> usize {
        self.0.values().filter(|&&times| times > 1).count()
    }
}
