//! The change stream: functions publish changes in the step that makes them, and
//! one connection of the process listens.
//!
//! It is opened when first somebody watches an account. Whenever it begins to
//! listen, at first and after it was lost, all who watch are told that they may
//! have missed something.

use std::sync::Once;
use std::time::Duration;

use futures_util::StreamExt;
use message::AccountId;
use redis::aio::{PubSubSink, PubSubStream};
use redis::{Client, Msg, RedisError};
use tokio::time::{Instant, interval_at, sleep, timeout};

use crate::mailbox::{MailboxChanged, MailboxChanges, MailboxId, Watchers};

/// The channels of all accounts.
const CHANNELS: &str = "m:changed:*";

/// How long to wait before listening again.
const PAUSE: Duration = Duration::from_millis(500);

/// How often an idle connection is asked for a sign of life.
const PING: Duration = Duration::from_secs(10);

/// How long connecting and signs of life may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells watchers what the server publishes.
pub(in super::super) struct Changes {
    client: Client,
    watchers: Watchers,
    listening: Once,
    /// Dropped with the store, which ends the listener.
    alive: tokio::sync::watch::Sender<()>,
}

impl Changes {
    pub(in super::super) fn new(client: Client) -> Self {
        Self {
            client,
            watchers: Watchers::default(),
            listening: Once::new(),
            alive: tokio::sync::watch::Sender::new(()),
        }
    }

    pub(super) fn watch(&self, account: AccountId) -> MailboxChanges {
        let changes = self.watchers.watch(account);
        self.listening.call_once(|| {
            let listener = Listener {
                client: self.client.clone(),
                watchers: self.watchers.clone(),
            };
            let mut alive = self.alive.subscribe();
            tokio::spawn(async move {
                tokio::select! {
                    () = listener.listen() => {}
                    // Nothing is ever sent: the sender is gone.
                    _ended = alive.changed() => {}
                }
            });
        });
        changes
    }
}

struct Listener {
    client: Client,
    watchers: Watchers,
}

impl Listener {
    /// Listens for as long as it is polled.
    async fn listen(&self) {
        let mut deaf = false;
        loop {
            let reason = match self.subscribe().await {
                Ok((sink, stream)) => {
                    if deaf {
                        tracing::info!("changes in mailboxes are heard again");
                    }
                    deaf = false;
                    self.watchers.missed();
                    self.forward(sink, stream).await;
                    "the connection is lost".to_owned()
                }
                Err(reason) => reason,
            };
            if !deaf {
                tracing::warn!(reason, "changes in mailboxes are not heard");
            }
            deaf = true;
            sleep(PAUSE).await;
        }
    }

    async fn subscribe(&self) -> Result<(PubSubSink, PubSubStream), String> {
        let subscribing = async {
            let mut connection = self.client.get_async_pubsub().await?;
            connection.psubscribe(CHANNELS).await?;
            Ok(connection.split())
        };
        let subscribed = timeout(PATIENCE, subscribing).await;
        let subscribed = subscribed.map_err(|elapsed| elapsed.to_string())?;
        subscribed.map_err(|error: RedisError| error.to_string())
    }

    /// Tells of each message until the connection is lost.
    async fn forward(&self, mut sink: PubSubSink, mut stream: PubSubStream) {
        let mut pings = interval_at(Instant::now() + PING, PING);
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    Some(message) => self.tell(&message),
                    None => return,
                },
                _ = pings.tick() => {
                    // The stream must be polled for the answer to come in.
                    let answered = async { sink.ping::<redis::Value>().await.is_ok() };
                    if !self.forward_until(&mut stream, answered).await {
                        return;
                    }
                }
            }
        }
    }

    /// Goes on telling while the server is asked for a sign of life; whether it
    /// gave one in time.
    async fn forward_until(
        &self,
        stream: &mut PubSubStream,
        answered: impl Future<Output = bool>,
    ) -> bool {
        let answered = timeout(PATIENCE, answered);
        tokio::pin!(answered);
        loop {
            tokio::select! {
                answer = &mut answered => return answer.unwrap_or(false),
                message = stream.next() => match message {
                    Some(message) => self.tell(&message),
                    None => return false,
                },
            }
        }
    }

    fn tell(&self, message: &Msg) {
        match changed(message.get_channel_name(), message.get_payload_bytes()) {
            Some(changed) => self.watchers.tell(changed),
            None => self.watchers.missed(),
        }
    }
}

/// What a message of the channel `m:changed:ACCOUNT` says: the mailbox and the
/// modification sequence.
fn changed(channel: &str, payload: &[u8]) -> Option<MailboxChanged> {
    let account = channel.strip_prefix("m:changed:")?.parse().ok()?;
    let (mailbox, modseq) = std::str::from_utf8(payload).ok()?.split_once(' ')?;
    Some(MailboxChanged {
        account,
        mailbox: MailboxId::from_number(mailbox.parse().ok()?),
        modseq: modseq.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_tell_whose_mailbox_changed() {
        let account = AccountId::from_bits(0xa);
        let channel = format!("m:changed:{account}");
        let told = MailboxChanged {
            account,
            mailbox: MailboxId::from_number(3),
            modseq: 17,
        };
        assert_eq!(changed(&channel, b"3 17"), Some(told));
        assert_eq!(changed(&channel, b"3"), None);
        assert_eq!(changed("m:changed:?", b"3 17"), None);
    }
}
