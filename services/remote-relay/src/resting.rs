//! Connections at rest: kept open after a job for the next one of their
//! destination, for as long as the configuration says.
//!
//! They hold no slot, so they hold nobody back. There are never more of a
//! destination than it may have slots, because whoever has a slot takes one from
//! here before it opens another, and never more in all than a set number.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use message::Destination;
use tokio::sync::Notify;

use crate::connection::HostConnection;
use crate::relay::Relay;

/// The shortest wait between two looks at what has rested too long.
const GLANCE: Duration = Duration::from_millis(200);

/// The connections at rest of this process.
pub(crate) struct Resting<C = HostConnection> {
    state: Mutex<State<C>>,
    /// For how long, and how many.
    span: Duration,
    most: usize,
    put: Notify,
}

struct State<C> {
    count: usize,
    /// Those that came last, last.
    at_rest: HashMap<Destination, Vec<(Duration, C)>>,
}

impl<C> Resting<C> {
    pub(crate) fn new(span: Duration, most: usize) -> Self {
        let state = State {
            count: 0,
            at_rest: HashMap::new(),
        };
        Self {
            state: Mutex::new(state),
            span,
            most,
            put: Notify::new(),
        }
    }

    /// Keeps a connection from `now` on; gives it back where there is no room.
    pub(crate) fn put(
        &self,
        destination: &Destination,
        connection: C,
        now: Duration,
    ) -> Result<(), C> {
        if self.span.is_zero() {
            return Err(connection);
        }
        let mut state = self.state();
        if state.count >= self.most {
            return Err(connection);
        }
        state.count += 1;
        let until = now + self.span;
        match state.at_rest.get_mut(destination) {
            Some(line) => line.push((until, connection)),
            None => {
                let line = vec![(until, connection)];
                state.at_rest.insert(destination.clone(), line);
            }
        }
        if state.count == 1 {
            self.put.notify_one();
        }
        Ok(())
    }

    /// The connection to `destination` that came last, unless its time is over.
    pub(crate) fn take(&self, destination: &Destination, now: Duration) -> Option<C> {
        let mut state = self.state();
        let line = state.at_rest.get_mut(destination)?;
        if line.last().is_none_or(|(until, _)| *until <= now) {
            return None;
        }
        let (_, connection) = line.pop()?;
        if line.is_empty() {
            state.at_rest.remove(destination);
        }
        state.count -= 1;
        Some(connection)
    }

    /// Takes all whose time is over by `now`.
    fn expired(&self, now: Duration) -> Vec<C> {
        let mut gone = Vec::new();
        let mut state = self.state();
        state.at_rest.retain(|_, line| {
            let over = line.partition_point(|(until, _)| *until <= now);
            gone.extend(line.drain(..over).map(|(_, connection)| connection));
            !line.is_empty()
        });
        state.count -= gone.len();
        gone
    }

    /// When the next one's time is over.
    fn next_end(&self) -> Option<Duration> {
        let state = self.state();
        let firsts = state.at_rest.values().filter_map(|line| line.first());
        firsts.map(|(until, _)| *until).min()
    }

    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Relay {
    /// Ends connections that have rested too long, until the service stops;
    /// then all of them.
    pub(crate) async fn end_rests(&self) {
        let clock = self.ports.station.clock();
        let ending = async {
            loop {
                match self.resting.next_end() {
                    None => self.resting.put.notified().await,
                    Some(end) => {
                        let rest = end.saturating_sub(clock.monotonic());
                        clock.sleep(rest.max(GLANCE)).await;
                    }
                }
                for connection in self.resting.expired(clock.monotonic()) {
                    self.part_with(connection);
                }
            }
        };
        self.stopping.run_until_cancelled(ending).await;
        for connection in self.resting.expired(Duration::MAX) {
            self.part_with(connection);
        }
    }

    /// A connection to `destination` that is still good.
    pub(crate) async fn rested(&self, destination: &Destination) -> Option<HostConnection> {
        loop {
            let mut connection = self.resting.take(destination, self.monotonic())?;
            if connection.is_quiet().await {
                return Some(connection);
            }
        }
    }

    /// Lets a connection rest, or ends it where it may not.
    pub(crate) fn let_rest(&self, destination: &Destination, connection: HostConnection) {
        if self.stopping.is_cancelled() {
            return self.part_with(connection);
        }
        let put = self.resting.put(destination, connection, self.monotonic());
        if let Err(connection) = put {
            self.part_with(connection);
        }
    }

    /// Says goodbye, without anybody waiting for it.
    pub(crate) fn part_with(&self, connection: HostConnection) {
        let abandoned = self.abandoned.clone();
        self.tasks.spawn(async move {
            abandoned.run_until_cancelled(connection.quit()).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_last_to_come_is_the_first_to_go_and_all_end_in_time() {
        let resting = Resting::new(5 * SECOND, 3);
        let (one, two) = (
            "one.example".parse().unwrap(),
            "two.example".parse().unwrap(),
        );
        for (name, connection, now) in [(&one, 'a', 0), (&one, 'b', 2), (&two, 'c', 3)] {
            assert_eq!(resting.put(name, connection, now * SECOND), Ok(()));
        }
        assert_eq!(resting.put(&two, 'd', 3 * SECOND), Err('d'), "no room");
        assert_eq!(resting.take(&one, 4 * SECOND), Some('b'));
        assert_eq!(resting.take(&one, 5 * SECOND), None, "its time is over");
        assert_eq!(resting.next_end(), Some(5 * SECOND));
        assert_eq!(resting.expired(5 * SECOND), ['a']);
        assert_eq!(resting.expired(8 * SECOND), ['c']);
        assert_eq!(resting.next_end(), None);
        assert!(resting.state().at_rest.is_empty());
    }
}
