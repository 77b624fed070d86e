//! How many connections there may be: in all, and from one client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::logins::Client;

/// Counts connections. The table has an entry for each connected client only,
/// so it is as bounded as they are.
#[derive(Debug)]
pub(crate) struct Admission {
    total: usize,
    per_client: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    clients: HashMap<Client, usize>,
}

/// A place for one connection, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Arc<Admission>,
    /// Whose it is, once that is known.
    client: Option<Client>,
}

impl Admission {
    pub(crate) fn new(total: usize, per_client: usize) -> Arc<Self> {
        Arc::new(Self {
            total,
            per_client,
            open: Mutex::default(),
        })
    }

    /// A place for a connection from `address`, if there is one.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut place = self.admit_anybody()?;
        place.assign(address).then_some(place)
    }

    /// A place for a connection of which it will turn out whose it is.
    pub(crate) fn admit_anybody(self: &Arc<Self>) -> Option<Place> {
        let mut open = self.open();
        if open.total >= self.total {
            return None;
        }
        open.total += 1;
        Some(Place {
            admission: Arc::clone(self),
            client: None,
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Gives the place to the client at `address`, unless it has enough.
    pub(crate) fn assign(&mut self, address: IpAddr) -> bool {
        let client = Client::at(address);
        let mut open = self.admission.open();
        let of_client = open.clients.get(&client).copied().unwrap_or(0);
        if of_client >= self.admission.per_client {
            return false;
        }
        open.clients.insert(client, of_client + 1);
        self.client = Some(client);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.total -= 1;
        let Some(client) = self.client else { return };
        if let Some(count) = open.clients.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                open.clients.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_limited_in_all_and_per_client() {
        let admission = Admission::new(3, 2);
        let admit = |address: &str| admission.admit(address.parse().unwrap());
        let one = admit("2001:db8::1").unwrap();
        let _two = admit("2001:db8::2").unwrap();
        assert!(admit("2001:db8::3").is_none(), "the same /64");
        let _other = admit("192.0.2.1").unwrap();
        assert!(admit("192.0.2.2").is_none(), "the total");
        drop(one);
        assert!(admit("::ffff:192.0.2.1").is_some());
        assert_eq!(admission.open().clients.len(), 2);
    }
}
