//! The change stream: functions publish changes in the step that makes them.
//! Whenever it begins to be heard, all who watch are told that they may have
//! missed something.

use message::AccountId;
use redis::{Client, Msg};

use super::super::channel::{Channel, Ear};
use crate::mailbox::{MailboxChanged, MailboxChanges, MailboxId, Watchers};

/// The channels of all accounts.
const CHANNELS: &str = "m:changed:*";

/// Tells watchers what the server publishes.
pub(in super::super) struct Changes(Channel<Watchers>);

impl Changes {
    pub(in super::super) fn new(client: Client) -> Self {
        let watchers = Watchers::default();
        Self(Channel::new(
            client,
            CHANNELS,
            "changes in mailboxes",
            watchers,
        ))
    }

    pub(super) fn watch(&self, account: AccountId) -> MailboxChanges {
        let changes = self.0.ear().watch(account);
        self.0.listen();
        changes
    }
}

impl Ear for Watchers {
    fn begin(&self) {
        self.missed();
    }

    fn hear(&self, message: &Msg) {
        match changed(message.get_channel_name(), message.get_payload_bytes()) {
            Some(changed) => self.tell(changed),
            None => self.missed(),
        }
    }

    fn end(&self) {}
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
