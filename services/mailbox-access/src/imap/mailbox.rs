//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 §6.3).

use imap::SpecialUse;
use imap::response::Code;
use store::mailbox::{Created, Deleted, MailboxInfo, MailboxName, Renamed, Role};

use super::answer::{Answer, AnswerCode, Failure, no_name, no_such_mailbox, too_many_mailboxes};
use super::session::{Session, State};

/// The name under which a mailbox is stored. A client that makes a mailbox for
/// others below it may end its name with the delimiter.
pub(super) fn stored_name(name: &imap::MailboxName) -> Result<MailboxName, Answer> {
    let text = name.as_str();
    let text = text.strip_suffix(MailboxName::SEPARATOR).unwrap_or(text);
    text.parse().map_err(|_| no_name())
}

/// What a mailbox is for, in the words of IMAP.
pub(super) fn special_use(role: Role) -> Option<SpecialUse> {
    match role {
        Role::Inbox => None,
        Role::Sent => Some(SpecialUse::Sent),
        Role::Drafts => Some(SpecialUse::Drafts),
        Role::Junk => Some(SpecialUse::Junk),
        Role::Trash => Some(SpecialUse::Trash),
        Role::Archive => Some(SpecialUse::Archive),
    }
}

fn role(using: SpecialUse) -> Option<Role> {
    match using {
        SpecialUse::Sent => Some(Role::Sent),
        SpecialUse::Drafts => Some(Role::Drafts),
        SpecialUse::Junk => Some(Role::Junk),
        SpecialUse::Trash => Some(Role::Trash),
        SpecialUse::Archive => Some(Role::Archive),
        SpecialUse::All | SpecialUse::Flagged => None,
    }
}

impl Session {
    pub(super) async fn create(
        &mut self,
        mailbox: &imap::MailboxName,
        uses: &[SpecialUse],
        unknown_use: bool,
    ) -> Result<Answer, Failure> {
        let account = self.account()?;
        let name = stored_name(mailbox)?;
        let role = match uses {
            _ if unknown_use => return Err(no_use().into()),
            [] => None,
            [using] => Some(role(*using).ok_or_else(no_use)?),
            [_, _, ..] => return Err(no_use().into()),
        };
        let created = self.service.mailboxes.create(account, &name, role).await?;
        match created {
            Created::Created(id) => {
                let id = AnswerCode::MailboxId(id.to_string());
                Ok(Answer::ok("Created").with(id))
            }
            Created::Exists => Err(exists().into()),
            Created::RoleTaken => Err(no_use().into()),
            Created::TooMany => Err(too_many_mailboxes().into()),
            Created::NoSuchAccount => Err(super::answer::not_now().into()),
        }
    }

    pub(super) async fn delete(&mut self, mailbox: &imap::MailboxName) -> Result<Answer, Failure> {
        let account = self.account()?;
        let info = self.named(mailbox).await?;
        match self.service.mailboxes.delete(account, info.id).await? {
            Deleted::Deleted => {
                if let State::Selected(_, view) = &self.state
                    && view.mailbox == info.id
                {
                    self.state = State::Authenticated(account);
                }
                Ok(Answer::ok("Deleted"))
            }
            Deleted::HasInferiors => Err(Answer::no(
                Code::HasChildren,
                "Mailboxes stand below it; delete them first",
            )
            .into()),
            Deleted::IsInbox => Err(Answer::no(Code::Cannot, "The inbox stays").into()),
            Deleted::NoSuchMailbox => Err(no_such_mailbox().into()),
        }
    }

    pub(super) async fn rename(
        &mut self,
        from: &imap::MailboxName,
        to: &imap::MailboxName,
    ) -> Result<Answer, Failure> {
        let account = self.account()?;
        let info = self.named(from).await?;
        let name = stored_name(to)?;
        let renamed = self.service.mailboxes.rename(account, info.id, &name);
        match renamed.await? {
            Renamed::Renamed => Ok(Answer::ok("Renamed")),
            Renamed::Exists => Err(exists().into()),
            Renamed::IntoItself => {
                Err(Answer::no(Code::Cannot, "It cannot stand below itself").into())
            }
            Renamed::TooLong => Err(no_name().into()),
            Renamed::TooMany => Err(too_many_mailboxes().into()),
            Renamed::NoSuchMailbox => Err(no_such_mailbox().into()),
        }
    }

    pub(super) async fn subscribe(
        &mut self,
        mailbox: &imap::MailboxName,
    ) -> Result<Answer, Failure> {
        let account = self.account()?;
        let name = stored_name(mailbox)?;
        match self.service.mailboxes.subscribe(account, &name).await? {
            true => Ok(Answer::ok("Subscribed")),
            false => Err(Answer::no(
                Code::Limit,
                "The account has as many subscriptions as it may",
            )
            .into()),
        }
    }

    pub(super) async fn unsubscribe(
        &mut self,
        mailbox: &imap::MailboxName,
    ) -> Result<Answer, Failure> {
        let account = self.account()?;
        let name = stored_name(mailbox)?;
        self.service.mailboxes.unsubscribe(account, &name).await?;
        Ok(Answer::ok("Unsubscribed"))
    }

    /// The mailbox of that name.
    pub(super) async fn named(&self, name: &imap::MailboxName) -> Result<MailboxInfo, Failure> {
        let account = self.account()?;
        let name = stored_name(name)?;
        let info = self.service.mailboxes.find(account, &name).await?;
        info.ok_or_else(|| no_such_mailbox().into())
    }
}

fn exists() -> Answer {
    Answer::no(Code::AlreadyExists, "There is such a mailbox already")
}

fn no_use() -> Answer {
    Answer::no(Code::UseAttr, "No mailbox can be made for that")
}
