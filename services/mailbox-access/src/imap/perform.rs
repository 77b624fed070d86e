//! From a command to what does it, and from what it came to to the answer.

use imap::command::Command;
use imap::response::Response;
use imap::{Malformed, Tag, Tagged};

use super::answer::{Answer, Broken, Failure, malformed};
use super::session::{Session, State};
use super::update::Expunges;

impl Session {
    /// Does what was asked, tells what else happened, and answers.
    pub(super) async fn perform(
        &mut self,
        command: Result<Tagged, Malformed>,
    ) -> Result<(), Broken> {
        let Tagged { tag, command } = match command {
            Ok(tagged) => tagged,
            Err(Malformed { tag, error }) => {
                malformed(tag.as_ref(), &error, &mut self.out);
                return self.count(true);
            }
        };
        let expunges = Expunges::during(&command);
        let done = match command {
            Command::StartTls => match self.start_tls(&tag).await {
                Ok(()) => return Ok(()),
                Err(failure) => Err(failure),
            },
            Command::Compress => match self.compress(&tag).await {
                Ok(()) => return Ok(()),
                Err(failure) => Err(failure),
            },
            Command::Search(search) => self.search(&tag, search).await,
            command => self.execute(command).await,
        };
        self.conclude(&tag, done, expunges).await
    }

    /// IDLE alone, which may take long and shall cost little.
    pub(super) async fn perform_idle(&mut self, tag: Tag) -> Result<(), Broken> {
        let done = self.idle().await;
        self.conclude(&tag, done, Expunges::Told).await
    }

    async fn conclude(
        &mut self,
        tag: &Tag,
        done: Result<Answer, Failure>,
        expunges: Expunges,
    ) -> Result<(), Broken> {
        let answer = match done {
            Ok(answer) | Err(Failure::Refused(answer)) => answer,
            Err(Failure::Broken(broken)) => return Err(broken),
        };
        Box::pin(self.update(expunges)).await?;
        answer.write(tag, &mut self.out);
        self.count(answer.is_bad())
    }

    async fn execute(&mut self, command: Command) -> Result<Answer, Failure> {
        match command {
            Command::Capability => Ok(self.capability()),
            Command::Noop => self.noop().await,
            Command::Check => self.check_mailbox().await,
            Command::Logout => Ok(self.logout()),
            Command::Login { user, password } => self.login(user, password).await,
            Command::Authenticate { mechanism, initial } => {
                self.authenticate(&mechanism, initial.as_ref()).await
            }
            Command::Id(fields) => Ok(self.id(&fields)),
            Command::Enable(extensions) => Ok(self.enable(&extensions)?),
            Command::Select(select) => self.select(select, false).await,
            Command::Examine(select) => self.select(select, true).await,
            Command::Create {
                mailbox,
                uses,
                unknown_use,
            } => self.create(&mailbox, &uses, unknown_use).await,
            Command::Delete(mailbox) => self.delete(&mailbox).await,
            Command::Rename { from, to } => self.rename(&from, &to).await,
            Command::Subscribe(mailbox) => self.subscribe(&mailbox).await,
            Command::Unsubscribe(mailbox) => self.unsubscribe(&mailbox).await,
            Command::List(list) => self.list(list).await,
            Command::Lsub { reference, pattern } => self.lsub(&reference, &pattern).await,
            Command::Namespace => Ok(self.namespace()?),
            Command::Status { mailbox, items } => self.status(&mailbox, &items).await,
            Command::Close => self.close().await,
            Command::Unselect => Ok(self.unselect()?),
            Command::Expunge => self.expunge(None).await,
            Command::UidExpunge(messages) => self.expunge(Some(messages)).await,
            Command::Sort(sort) => self.sort(sort).await,
            Command::Thread(thread) => self.thread(thread).await,
            Command::Fetch(fetch) => self.fetch(fetch).await,
            Command::Store(store) => self.store(store).await,
            Command::Copy(transfer) => self.copy(transfer).await,
            Command::Move(transfer) => self.move_messages(transfer).await,
            Command::GetQuota(root) => self.get_quota(&root).await,
            Command::GetQuotaRoot(mailbox) => self.get_quota_root(&mailbox).await,
            Command::SetQuota { .. } => Err(super::quota::not_yours().into()),
            // Those that answer for themselves.
            Command::StartTls | Command::Compress | Command::Search(_) | Command::Idle => {
                Ok(Answer::bad("That is not possible now"))
            }
        }
    }

    async fn noop(&mut self) -> Result<Answer, Failure> {
        if let State::Selected(_, view) = &mut self.state {
            view.dirty = true;
        }
        Ok(Answer::ok("Done"))
    }

    async fn check_mailbox(&mut self) -> Result<Answer, Failure> {
        self.view()?.1.dirty = true;
        Ok(Answer::ok("Done"))
    }

    fn unselect(&mut self) -> Result<Answer, Answer> {
        let (account, _) = self.view()?;
        self.state = State::Authenticated(account);
        Ok(Answer::ok("Closed"))
    }

    /// CLOSE expunges without a word (RFC 9051 §6.4.1).
    async fn close(&mut self) -> Result<Answer, Failure> {
        let (account, view) = self.view()?;
        if !view.read_only {
            let (mailbox, uids) = (view.mailbox, view.uids.clone());
            self.expunge_deleted(account, mailbox, &uids).await?;
        }
        self.state = State::Authenticated(account);
        Ok(Answer::ok("Closed"))
    }

    pub(super) fn say(&mut self, response: &Response<'_>) {
        response.write(&mut self.out);
    }
}
