//! APPEND (RFC 9051 §6.3.12, MULTIAPPEND): octets stream into the content store,
//! and when all messages are durable, they appear in the mailbox in one step.
//!
//! A crash before that leaves contents that the account refers to and no mailbox
//! shows; `rohrpost check` counts them, and the router's sweep gives them back.

use content::{Trailer, Writer};
use imap::Malformed;
use imap::command::{Append, AppendMessage};
use imap::response::{Code, Response};
use message::{AccountId, ContentId, MessageId};
use store::ledger::{Holder, Referred};
use store::mailbox::{
    AllAppended, Flag, MAX_TOGETHER, MailboxName, NewEntry, Quota, Usage, sorted,
};

use super::answer::{
    Answer, AnswerCode, Broken, Failure, malformed, not_now, over_quota, try_create,
};
use super::change::stored_flags;
use super::mailbox::stored_name;
use super::session::{Incoming, Session, State};
use super::update::Expunges;

/// What an APPEND has brought so far.
struct Appending {
    account: AccountId,
    mailbox: MailboxName,
    quota: Quota,
    held: Usage,
    entries: Vec<NewEntry>,
}

/// How an APPEND went on.
enum Next {
    Message(AppendMessage),
    End,
    Malformed(Malformed),
}

impl Session {
    pub(super) async fn append(
        &mut self,
        append: Append,
        first: AppendMessage,
    ) -> Result<(), Broken> {
        let answer = match self.take_messages(&append, first).await {
            Ok(Ok(answer)) | Err(Failure::Refused(answer)) => {
                // Whatever else it wanted to send is thrown away.
                self.framer.refuse();
                answer
            }
            Ok(Err(Malformed { error, .. })) => {
                malformed(Some(&append.tag), &error, &mut self.out);
                return self.count(true);
            }
            Err(Failure::Broken(broken)) => return Err(broken),
        };
        if let State::Selected(_, view) = &mut self.state {
            view.dirty = true;
        }
        self.update(Expunges::Told).await?;
        answer.write(&append.tag, &mut self.out);
        self.count(answer.is_bad())
    }

    async fn take_messages(
        &mut self,
        append: &Append,
        first: AppendMessage,
    ) -> Result<Result<Answer, Malformed>, Failure> {
        let account = self.account()?;
        let mailbox = stored_name(&append.mailbox)?;
        let found = self.service.mailboxes.find(account, &mailbox).await?;
        found.ok_or_else(try_create)?;
        let mut appending = Appending {
            account,
            mailbox,
            quota: self.quota().await?,
            held: self.service.mailboxes.usage(account).await?,
            entries: Vec::new(),
        };
        let taken = self.take_all(&mut appending, first).await;
        match taken {
            Ok(None) => self.store_all(appending).await.map(Ok),
            Ok(Some(malformed)) => {
                self.give_up(&appending).await;
                Ok(Err(malformed))
            }
            Err(failure) => {
                self.give_up(&appending).await;
                Err(failure)
            }
        }
    }

    async fn take_all(
        &mut self,
        appending: &mut Appending,
        first: AppendMessage,
    ) -> Result<Option<Malformed>, Failure> {
        let mut coming = first;
        loop {
            let flags = appending.admit(&coming, self.service.append_limit)?;
            let entry = self.take_message(appending.account, &coming, flags).await?;
            appending.held.octets += entry.size;
            appending.held.messages += 1;
            appending.entries.push(entry);
            match self.next_message().await? {
                Next::Message(message) => coming = message,
                Next::End => return Ok(None),
                Next::Malformed(malformed) => return Ok(Some(malformed)),
            }
        }
    }

    async fn next_message(&mut self) -> Result<Next, Broken> {
        loop {
            match self.next().await? {
                Incoming::AppendNext(message) => return Ok(Next::Message(message)),
                Incoming::AppendEnd => return Ok(Next::End),
                Incoming::Command(Err(malformed)) => return Ok(Next::Malformed(malformed)),
                // None of these comes within an APPEND.
                Incoming::Command(Ok(_))
                | Incoming::Line(_)
                | Incoming::Append(..)
                | Incoming::Octets(_)
                | Incoming::MessageEnd => {}
            }
        }
    }

    /// Takes a message's octets; when this returns they are durable, and the
    /// account refers to them.
    async fn take_message(
        &mut self,
        account: AccountId,
        coming: &AppendMessage,
        flags: Vec<Flag>,
    ) -> Result<NewEntry, Failure> {
        let mut writer = self.service.content.create().await?;
        self.framer.accept();
        if coming.synchronising {
            Response::Continue("Send it").write(&mut self.out);
        }
        self.take_octets(writer.as_mut()).await?;
        let now = self.service.clock.now();
        let message = MessageId::draw(self.service.clock.as_ref(), self.service.random.as_ref());
        let trailer = Trailer {
            message,
            prefix: Default::default(),
            envelope: None,
        };
        let stored = writer.finish(trailer).await?;
        let holder = Holder::Account(account);
        match self.service.references.refer(&stored.id, holder).await? {
            Referred::Held => {}
            Referred::Condemned => return Err(not_now().into()),
        }
        Ok(NewEntry {
            delivery: None,
            content: stored.id,
            prefix: String::new(),
            size: stored.octets,
            internal_date: coming.internal_date.unwrap_or(now),
            flags,
        })
    }

    async fn take_octets(&mut self, writer: &mut dyn Writer) -> Result<(), Failure> {
        loop {
            match self.next().await? {
                Incoming::Octets(octets) => {
                    if octets.contains(&0) {
                        let text = "A message with NUL in it cannot be kept";
                        return Err(Answer::no(Code::UnknownCte, text).into());
                    }
                    writer.write(&octets).await?;
                }
                Incoming::MessageEnd => return Ok(()),
                // None of these comes within a message.
                Incoming::Command(_)
                | Incoming::Line(_)
                | Incoming::Append(..)
                | Incoming::AppendNext(_)
                | Incoming::AppendEnd => return Err(not_now().into()),
            }
        }
    }

    async fn store_all(&mut self, appending: Appending) -> Result<Answer, Failure> {
        let contents: Vec<ContentId> = appending.contents();
        let Appending {
            account,
            mailbox,
            quota,
            entries,
            ..
        } = appending;
        let mailboxes = &self.service.mailboxes;
        let refused = match mailboxes
            .append_all(account, &mailbox, entries, quota)
            .await?
        {
            AllAppended::Stored { uids, uid_validity } => {
                let code = AnswerCode::AppendUid { uid_validity, uids };
                return Ok(Answer::ok("Stored").with(code));
            }
            AllAppended::OverQuota => over_quota(),
            AllAppended::NoSuchMailbox => try_create(),
        };
        self.release(account, &contents).await;
        Err(refused.into())
    }

    async fn give_up(&self, appending: &Appending) {
        self.release(appending.account, &appending.contents()).await;
    }

    /// Releases contents that no mailbox shows. Where that fails, the router's sweep
    /// does it later.
    async fn release(&self, account: AccountId, contents: &[ContentId]) {
        for content in contents {
            let holder = Holder::Account(account);
            if let Err(error) = self.service.references.release(content, holder).await {
                tracing::warn!(%content, %error, "cannot release what was not appended");
            }
        }
    }
}

impl Appending {
    fn contents(&self) -> Vec<ContentId> {
        let contents = self.entries.iter().map(|entry| entry.content.clone());
        contents.collect()
    }

    /// Refuses what can be known to be refused before its octets come.
    fn admit(&self, coming: &AppendMessage, limit: u64) -> Result<Vec<Flag>, Answer> {
        if coming.size > limit {
            return Err(Answer::no(Code::TooBig, "The message is too large"));
        }
        if coming.size == 0 {
            // RFC 3502 §6.3.11: so a client gives up.
            return Err(Answer::no(Code::Cannot, "An empty message appends nothing"));
        }
        if self.entries.len() >= MAX_TOGETHER {
            return Err(Answer::no(Code::Limit, "Too many messages at once"));
        }
        let more = Usage {
            octets: coming.size,
            messages: 1,
        };
        if !self.quota.allows(self.held, more) {
            return Err(over_quota());
        }
        let flags = stored_flags(&coming.flags)?;
        sorted(flags).ok_or(super::change::too_many_keywords())
    }
}
