//! LIST and UIDL (RFC 1939 §5 and §7): of one message, or of all, as far at a time
//! as a client takes.

use super::{Event, FLIGHT, Session, State};
use crate::pop3::maildrop::{Maildrop, Message};

/// What is listed, and from which number on.
#[derive(Debug)]
pub(super) struct Listing {
    what: Column,
    next: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Column {
    Size,
    UniqueId,
}

impl Session {
    pub(super) fn begin_listing(&mut self, maildrop: Maildrop, what: Column) -> Option<Event> {
        self.state = State::Listing(maildrop, Listing { what, next: 1 });
        None
    }

    /// Goes on with a listing, as far as one flight holds.
    pub(super) fn list(&mut self, maildrop: Maildrop, mut listing: Listing) {
        while self.output.len() < FLIGHT {
            if listing.next > maildrop.len() {
                self.output.extend_from_slice(b".\r\n");
                self.state = State::Transaction(maildrop);
                return;
            }
            if let Some(message) = maildrop.get(listing.next) {
                let row = row(&maildrop, listing.next, message, listing.what);
                self.output.extend_from_slice(row.as_bytes());
            }
            listing.next += 1;
        }
        self.state = State::Listing(maildrop, listing);
    }

    pub(super) fn single(&mut self, maildrop: &Maildrop, number: usize, what: Column) {
        match maildrop.get(number) {
            Some(message) => {
                let row = row(maildrop, number, message, what);
                self.ok(row.trim_end());
            }
            None => self.no_such_message(),
        }
    }
}

fn row(maildrop: &Maildrop, number: usize, message: Message, what: Column) -> String {
    match what {
        Column::Size => format!("{number} {}\r\n", message.size),
        Column::UniqueId => format!("{number} {}\r\n", maildrop.unique_id(message)),
    }
}
