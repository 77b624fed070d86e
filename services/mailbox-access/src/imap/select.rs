//! SELECT and EXAMINE (RFC 9051 §6.3.2, RFC 7162 §3.2.5).

use imap::command::{Qresync, Select};
use imap::response::{Code, Condition, FetchResponse, Response, Status};
use imap::{Flag, SequenceSet};
use message::AccountId;
use store::mailbox::{EntryState, MailboxId, MailboxInfo, Vanished};

use super::answer::{Answer, Failure, no_such_mailbox};
use super::fetch::flags;
use super::mailbox::stored_name;
use super::session::{Session, State};
use super::view::View;

/// States read at a time.
const PAGE: usize = 10_000;

/// What the states of a mailbox tell besides UIDs.
#[derive(Default)]
struct Survey {
    uids: Vec<u32>,
    first_unseen: Option<u32>,
    keywords: Vec<Flag>,
}

impl Session {
    pub(super) async fn select(
        &mut self,
        select: Select,
        read_only: bool,
    ) -> Result<Answer, Failure> {
        let account = self.account()?;
        if select.qresync.is_some() && !self.enabled.qresync {
            return Err(Answer::bad("ENABLE QRESYNC comes first").into());
        }
        self.enabled.condstore |= select.condstore;
        if let State::Selected(..) = self.state {
            self.state = State::Authenticated(account);
            let closed = Status::untagged(Condition::Ok, "Closed").with(Code::Closed);
            self.say(&Response::Status(closed));
        }
        let name = stored_name(&select.mailbox)?;
        // Whoever listens first misses nothing that comes while it reads.
        let changes = self.service.mailboxes.changes(account);
        let info = self.service.mailboxes.find(account, &name).await?;
        let info = info.ok_or_else(no_such_mailbox)?;
        let survey = self.survey(account, info.id).await?;
        let view = View {
            mailbox: info.id,
            read_only,
            uid_validity: info.uid_validity,
            uid_next: survey
                .uids
                .last()
                .map_or(0, |last| last + 1)
                .max(info.uid_next),
            modseq: info.highest_modseq,
            uids: survey.uids,
            gone: Vec::new(),
            own: Default::default(),
            saved: Vec::new(),
            changes,
            dirty: true,
        };
        self.describe(&info, &view, survey.first_unseen, survey.keywords);
        self.state = State::Selected(account, Box::new(view));
        if let Some(qresync) = select.qresync {
            self.resynchronise(account, &info, &qresync).await?;
        }
        let (code, text) = match read_only {
            true => (Code::ReadOnly, "Open for reading"),
            false => (Code::ReadWrite, "Open"),
        };
        Ok(Answer::ok(text).with(super::answer::AnswerCode::Plain(code)))
    }

    async fn survey(&self, account: AccountId, mailbox: MailboxId) -> Result<Survey, Failure> {
        let mut survey = Survey::default();
        let mut after = 0;
        loop {
            let mailboxes = &self.service.mailboxes;
            let page = mailboxes.states(account, mailbox, after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(survey);
            };
            after = last.uid;
            for state in &page {
                survey.uids.push(state.uid);
                if survey.first_unseen.is_none()
                    && !state.flags.contains(&store::mailbox::Flag::Seen)
                {
                    survey.first_unseen = u32::try_from(survey.uids.len()).ok();
                }
                for flag in state.flags.iter() {
                    if let store::mailbox::Flag::Keyword(_) = flag {
                        survey.note(flag);
                    }
                }
            }
        }
    }

    fn describe(
        &mut self,
        info: &MailboxInfo,
        view: &View,
        first_unseen: Option<u32>,
        keywords: Vec<Flag>,
    ) {
        let system = [
            Flag::Answered,
            Flag::Flagged,
            Flag::Deleted,
            Flag::Seen,
            Flag::Draft,
        ];
        let flags: Vec<Flag> = system.into_iter().chain(keywords).collect();
        let id = info.id.to_string();
        let permanent = match view.read_only {
            true => Code::PermanentFlags {
                flags: &[],
                others: false,
            },
            false => Code::PermanentFlags {
                flags: &flags,
                others: true,
            },
        };
        self.say(&Response::Flags(&flags));
        self.say(&Response::Exists(view.count()));
        if !self.enabled.rev2 {
            self.say(&Response::Recent(0));
            if let Some(number) = first_unseen {
                self.state_code("The first unseen message", Code::Unseen(number));
            }
        }
        self.state_code("Flags that stay", permanent);
        self.state_code("UIDs are valid", Code::UidValidity(view.uid_validity));
        self.state_code("The next UID", Code::UidNext(view.uid_next));
        self.state_code("The highest", Code::HighestModseq(view.modseq.max(1)));
        self.state_code("The mailbox's id", Code::MailboxId(&id));
        if self.enabled.rev2 {
            let name = imap::MailboxName::new(info.name.as_str());
            let line = imap::response::MailboxLine {
                attributes: &[],
                name: &name,
                subscribed_child: false,
            };
            self.say(&Response::List(line));
        }
    }

    fn state_code(&mut self, text: &str, code: Code<'_>) {
        self.say(&Response::Status(
            Status::untagged(Condition::Ok, text).with(code),
        ));
    }

    /// Tells what vanished and what changed since the client was here last.
    async fn resynchronise(
        &mut self,
        account: AccountId,
        info: &MailboxInfo,
        known: &Qresync,
    ) -> Result<(), Failure> {
        if known.uid_validity != info.uid_validity || known.modseq >= info.highest_modseq {
            return Ok(());
        }
        let wanted = known.known_uids.clone().unwrap_or_else(SequenceSet::all);
        self.tell_since(account, info.id, known.modseq, &wanted)
            .await
    }

    /// VANISHED (EARLIER) and FETCH of all that happened to `wanted` UIDs since.
    async fn tell_since(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        since: u64,
        wanted: &SequenceSet,
    ) -> Result<(), Failure> {
        let mut since = since;
        let mut first = true;
        loop {
            let mailboxes = &self.service.mailboxes;
            let delta = mailboxes.delta(account, mailbox, since, PAGE).await?;
            let Some(delta) = delta else { return Ok(()) };
            if std::mem::take(&mut first) {
                self.tell_vanished_uids(&delta.vanished, wanted).await?;
            }
            for state in &delta.changed {
                self.tell_changed(state, wanted)?;
                self.flush_if_full().await?;
            }
            if !delta.more {
                return Ok(());
            }
            since = delta.modseq;
        }
    }

    fn tell_changed(&mut self, state: &EntryState, wanted: &SequenceSet) -> Result<(), Failure> {
        let (_, view) = self.view()?;
        let last = view.uid_next.saturating_sub(1);
        if let Some(number) = view.number(state.uid)
            && wanted.contains(state.uid, last)
        {
            let mut fetch = FetchResponse::begin(&mut self.out, number);
            fetch.uid(state.uid);
            fetch.flags(&flags(&state.flags));
            fetch.modseq(state.modseq);
            fetch.end();
        }
        Ok(())
    }

    /// VANISHED (EARLIER) of those of `wanted` that are gone.
    pub(super) async fn tell_vanished_uids(
        &mut self,
        vanished: &Vanished,
        wanted: &SequenceSet,
    ) -> Result<(), Failure> {
        let (_, view) = self.view()?;
        let last = view.uid_next.saturating_sub(1);
        match vanished {
            Vanished::Uids(uids) => {
                let wanted = |uid: &&u32| **uid <= last && wanted.contains(**uid, last);
                let gone: Vec<u32> = uids.iter().filter(wanted).copied().collect();
                if !gone.is_empty() {
                    self.say(&Response::Vanished {
                        earlier: true,
                        uids: &gone,
                    });
                }
            }
            // All that is not there was, as far as anybody knows.
            Vanished::Unknown => {
                let mut gaps = Vec::new();
                for range in wanted.ranges(last) {
                    let end = last.min(*range.end());
                    let there = view.within(*range.start()..=end);
                    gaps.extend(gaps_between(*range.start(), end, there));
                }
                if let Some(gaps) = SequenceSet::of_ranges(gaps) {
                    self.say(&Response::VanishedRanges(&gaps));
                }
            }
        }
        self.flush_if_full().await?;
        Ok(())
    }
}

/// The ranges from `start` to `end` that hold none of `there`, which rise.
fn gaps_between(start: u32, end: u32, there: &[u32]) -> Vec<(u32, u32)> {
    let mut gaps = Vec::new();
    let mut next = start;
    for uid in there {
        if *uid > next {
            gaps.push((next, uid - 1));
        }
        next = uid.saturating_add(1);
    }
    if next <= end {
        gaps.push((next, end));
    }
    gaps
}

impl Survey {
    fn note(&mut self, keyword: &store::mailbox::Flag) {
        let [keyword] = &flags(std::slice::from_ref(keyword))[..] else {
            return;
        };
        if !self.keywords.contains(keyword) && self.keywords.len() < 100 {
            self.keywords.push(keyword.clone());
        }
    }
}
