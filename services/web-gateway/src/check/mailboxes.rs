//! Mailboxes hold what their counts say, and what they show is there.

use message::{AccountId, Address};
use store::ledger::Holder;
use store::mailbox::{Flag, MailboxInfo, Release};

use super::{Check, Condition, PAGE, Stop};
use crate::api::FindingKind;

/// What a mailbox holds, counted.
#[derive(Default, PartialEq)]
struct Recount {
    messages: u64,
    unseen: u64,
    octets: u64,
    last_uid: u32,
}

impl Check {
    /// Counts every mailbox of every account.
    pub(super) async fn mailboxes(&mut self) -> Result<(), Stop> {
        let mut after: Option<Address> = None;
        loop {
            let page = self.ports.directory.accounts(after.as_ref(), PAGE).await?;
            for account in &page {
                self.summary.accounts += 1;
                for info in self.ports.mailboxes.mailboxes(account.id).await? {
                    self.mailbox(account.id, &account.address, info).await?;
                }
                self.usage(account.id, &account.address).await?;
            }
            if page.len() < PAGE {
                return Ok(());
            }
            after = page.into_iter().last().map(|account| account.address);
        }
    }

    async fn mailbox(
        &mut self,
        account: AccountId,
        address: &Address,
        info: MailboxInfo,
    ) -> Result<(), Stop> {
        let counted = self.recount(account, &info).await?;
        let (messages, unseen, octets) = (info.messages, info.unseen, info.octets);
        let agrees = counted
            == Recount {
                messages,
                unseen,
                octets,
                last_uid: counted.last_uid,
            }
            && counted.last_uid < info.uid_next;
        if agrees || !self.is_unchanged(account, &info).await? {
            return Ok(());
        }
        let detail = format!(
            "its counts say {messages} messages ({unseen} unseen, {octets} octets, next UID {}), \
             but it holds {} ({} unseen, {} octets, last UID {})",
            info.uid_next, counted.messages, counted.unseen, counted.octets, counted.last_uid
        );
        self.found(
            FindingKind::Mailbox,
            format!("{address} {}", info.name),
            detail,
        )
        .await
    }

    async fn recount(&mut self, account: AccountId, info: &MailboxInfo) -> Result<Recount, Stop> {
        let mut counted = Recount::default();
        loop {
            let after = counted.last_uid;
            let page = self
                .ports
                .mailboxes
                .entries(account, info.id, after, PAGE)
                .await?;
            for entry in &page {
                counted.messages += 1;
                counted.unseen += u64::from(!entry.flags.contains(&Flag::Seen));
                counted.octets += entry.size;
                counted.last_uid = entry.uid;
            }
            self.summary.entries += page.len() as u64;
            if page.len() < PAGE {
                return Ok(counted);
            }
        }
    }

    /// Whether nothing happened in the mailbox since `info` was read.
    async fn is_unchanged(&self, account: AccountId, info: &MailboxInfo) -> Result<bool, Stop> {
        Ok(self
            .ports
            .mailboxes
            .mailboxes(account)
            .await?
            .contains(info))
    }

    /// The account's usage is the sum over its mailboxes.
    async fn usage(&mut self, account: AccountId, address: &Address) -> Result<(), Stop> {
        let before = self.ports.mailboxes.usage(account).await?;
        let mailboxes = self.ports.mailboxes.mailboxes(account).await?;
        let now = self.ports.mailboxes.usage(account).await?;
        let messages: u64 = mailboxes.iter().map(|info| info.messages).sum();
        let octets: u64 = mailboxes.iter().map(|info| info.octets).sum();
        if before != now || (messages, octets) == (now.messages, now.octets) {
            return Ok(());
        }
        let detail = format!(
            "its usage says {} messages ({} octets), but its mailboxes hold {messages} ({octets})",
            now.messages, now.octets
        );
        self.found(FindingKind::Mailbox, address, detail).await
    }

    /// What mailboxes show is there, referred to, and shown by an account that
    /// exists.
    pub(super) async fn shown(&mut self) -> Result<(), Stop> {
        let mut after: Option<Release> = None;
        let mut known: Option<AccountId> = None;
        loop {
            let page = self.ports.mailboxes.shown(after.as_ref(), PAGE).await?;
            for shown in &page {
                if known != Some(shown.account) {
                    known = Some(shown.account);
                    self.owner(shown).await?;
                }
                self.entry(shown).await?;
            }
            if page.len() < PAGE {
                return Ok(());
            }
            after = page.into_iter().last();
        }
    }

    async fn owner(&mut self, shown: &Release) -> Result<(), Stop> {
        let exists = self.ports.directory.account(shown.account).await?.is_some();
        if exists
            || !self
                .ports
                .mailboxes
                .shows(shown.account, &shown.content)
                .await?
        {
            return Ok(());
        }
        let id = shown.account;
        let detail = format!(
            "it was removed, but its mailboxes are there; `account remove {id}` removes them"
        );
        self.found(FindingKind::Mailbox, format!("account {id}"), detail)
            .await
    }

    async fn entry(&mut self, shown: &Release) -> Result<(), Stop> {
        let Release { account, content } = shown;
        let condition = self.condition(content).await?;
        let holders = self.ports.ledger.holders(content).await?;
        // Of a content that very many accounts hold, not every holder is listed.
        let referred = holders.contains(&Holder::Account(*account)) || holders.len() >= 1000;
        let sound = referred && matches!(condition, Condition::There(_));
        if sound || !self.ports.mailboxes.shows(*account, content).await? {
            return Ok(());
        }
        let subject = format!("account {account}, content {content}");
        self.expect_content(&condition, FindingKind::EntryWithoutContent, &subject)
            .await?;
        if referred {
            return Ok(());
        }
        let detail = "the account shows it, but does not refer to it";
        self.found(FindingKind::EntryWithoutReference, subject, detail)
            .await
    }
}
