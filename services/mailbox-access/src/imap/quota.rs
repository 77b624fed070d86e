//! GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208): each account is a root, the
//! empty one.

use imap::response::{Code, Quota, Resource, Response};

use super::answer::{Answer, Failure};
use super::session::Session;

/// The only root.
const ROOT: &str = "";

impl Session {
    pub(super) async fn get_quota(&mut self, root: &str) -> Result<Answer, Failure> {
        self.account()?;
        if root != ROOT {
            return Err(Answer::no(Code::NonExistent, "There is no such quota root").into());
        }
        self.tell_quota().await?;
        Ok(Answer::ok("That is all"))
    }

    pub(super) async fn get_quota_root(
        &mut self,
        mailbox: &imap::MailboxName,
    ) -> Result<Answer, Failure> {
        self.named(mailbox).await?;
        self.say(&Response::QuotaRoot {
            mailbox,
            root: ROOT,
        });
        self.tell_quota().await?;
        Ok(Answer::ok("That is all"))
    }

    async fn tell_quota(&mut self) -> Result<(), Failure> {
        let account = self.account()?;
        let quota = self.quota().await?;
        let usage = self.service.mailboxes.usage(account).await?;
        // Units of 1024 octets, a begun one counting whole.
        let storage = quota.octets.map(|octets| {
            (
                Resource::Storage,
                usage.octets.div_ceil(1024),
                octets / 1024,
            )
        });
        let messages = quota
            .messages
            .map(|most| (Resource::Message, usage.messages, most));
        let resources: Vec<_> = storage.into_iter().chain(messages).collect();
        self.say(&Response::Quota(Quota {
            root: ROOT,
            resources: &resources,
        }));
        Ok(())
    }

    /// What the account may hold.
    pub(super) async fn quota(&self) -> Result<store::mailbox::Quota, Failure> {
        let account = self.service.directory.account(self.account()?).await?;
        Ok(account.map(|account| account.quota).unwrap_or_default())
    }
}

pub(super) fn not_yours() -> Answer {
    Answer::no(Code::NoPerm, "Quotas are set by the administrator")
}
