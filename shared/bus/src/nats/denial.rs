//! What the server denies: it says so on the connection, not in an answer to
//! what was denied, so whoever waits for an answer listens here as well.

use async_nats::ServerError;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::BusError;

/// How many denials may be unread; whoever misses some waits for its answer in
/// vain, as without them.
const UNREAD: usize = 64;

/// How the server names what it denies.
const PUBLISHING: &str = "Permissions Violation for Publish to ";

/// Tells of subjects that this connection may not publish to.
#[derive(Clone)]
pub(super) struct Denials(broadcast::Sender<String>);

impl Denials {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(UNREAD))
    }

    /// Reads what the server complains of.
    pub(super) fn note(&self, error: &ServerError) {
        if let ServerError::Other(text) = error
            && let Some(subject) = denied_subject(text)
        {
            // Without a listener nobody waits for it.
            let _ = self.0.send(subject.to_owned());
        }
    }

    /// Hears of denials from now on.
    pub(super) fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }

    /// Does what ends with an answer from `subject`, unless that is denied.
    pub(super) async fn or<T>(
        &self,
        subject: &str,
        answered: impl Future<Output = T>,
    ) -> Result<T, BusError> {
        let mut listener = self.listen();
        tokio::select! {
            answer = answered => Ok(answer),
            denied = listener.denied(subject) => Err(denied),
        }
    }
}

/// Hears of denials.
pub(super) struct Listener(broadcast::Receiver<String>);

impl Listener {
    /// Waits until the use of `subject` is denied, or of one that begins with it.
    pub(super) async fn denied(&mut self, subject: &str) -> BusError {
        loop {
            match self.0.recv().await {
                Ok(denied) if denied.starts_with(subject) => {
                    let what = format!("NATS permits this user no publishing on {denied}");
                    return BusError::Denied(what);
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

fn denied_subject(text: &str) -> Option<&str> {
    let quoted = text.strip_prefix(PUBLISHING)?;
    quoted.strip_prefix('"')?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_name_the_subject() {
        let complaint = r#"Permissions Violation for Publish to "mail.outcome""#;
        assert_eq!(denied_subject(complaint), Some("mail.outcome"));
        let other = r#"Permissions Violation for Subscription to "mail.outcome""#;
        assert_eq!(denied_subject(other), None);
    }
}
