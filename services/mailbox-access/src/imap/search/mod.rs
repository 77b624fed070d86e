//! SEARCH, SORT and THREAD (RFC 9051 §6.4.4, RFC 5256).
//!
//! A message is judged by what is cheapest to know first; what costs more is read
//! only of those that nothing decided yet.

mod judge;
mod order;
mod text;
mod threads;

use std::sync::Arc;

use imap::response::{Esearch, Response};
use imap::{Search, SearchKey, SearchReturn, Sort, Tag, Thread};
use store::mailbox::{EntryState, MailboxEntry, Measure};

use super::answer::{Answer, Failure};
use super::session::Session;
use crate::mail::{Source, Summary, summaries};
use judge::{Evidence, judge, mentions_body, mentions_modseq, prepare};
use text::MessageText;

/// Messages judged at a time.
const PAGE: usize = 1_000;

/// Messages whose content is read at a time.
const SOME: usize = 100;

/// What a search found.
#[derive(Default)]
struct Found {
    /// Rising.
    uids: Vec<u32>,
    /// The highest modification sequence among them, where one was asked for.
    modseq: Option<u64>,
}

impl Session {
    pub(super) async fn search(&mut self, tag: &Tag, search: Search) -> Result<Answer, Failure> {
        let found = match self.find(search.key).await {
            Ok(found) => found,
            Err(failure) => {
                if let Ok((_, view)) = self.view() {
                    view.saved.clear();
                }
                return Err(failure);
            }
        };
        let (_, view) = self.view()?;
        if let Some(returns) = search.returns.filter(|returns| returns.save) {
            view.saved = saved(&found.uids, returns);
        }
        let names = found.uids.iter();
        let numbers: Vec<u32> = names
            .filter_map(|uid| view.name(*uid, search.uid))
            .collect();
        let all = SearchReturn {
            all: true,
            ..SearchReturn::default()
        };
        match search.returns.or(self.enabled.rev2.then_some(all)) {
            // Nothing is told where all that was asked for is to keep it.
            Some(SearchReturn {
                min: false,
                max: false,
                all: false,
                count: false,
                ..
            }) => {}
            Some(returns) => self.say(&Response::Esearch(Esearch {
                tag,
                uid: search.uid,
                returns,
                numbers: &numbers,
                modseq: found.modseq,
            })),
            None => self.say(&Response::Search {
                numbers: &numbers,
                modseq: found.modseq,
            }),
        }
        Ok(Answer::ok("That is all"))
    }

    pub(super) async fn sort(&mut self, sort: Sort) -> Result<Answer, Failure> {
        let found = self.find(sort.key).await?;
        let sorted = self.sorted(found.uids, &sort.criteria).await?;
        let (_, view) = self.view()?;
        let names = sorted.iter().filter_map(|uid| view.name(*uid, sort.uid));
        let numbers: Vec<u32> = names.collect();
        self.say(&Response::Sort(&numbers));
        Ok(Answer::ok("That is all"))
    }

    pub(super) async fn thread(&mut self, thread: Thread) -> Result<Answer, Failure> {
        let found = self.find(thread.key).await?;
        let mut threads = self.threads(found.uids, thread.algorithm).await?;
        let (_, view) = self.view()?;
        for node in &mut threads.nodes {
            node.number = node.number.and_then(|uid| view.name(uid, thread.uid));
        }
        self.say(&Response::Thread(&threads));
        Ok(Answer::ok("That is all"))
    }

    /// The messages that a key is true of.
    async fn find(&mut self, key: SearchKey) -> Result<Found, Failure> {
        let by_modseq = mentions_modseq(&key);
        self.enabled.condstore |= by_modseq;
        let (_, view) = self.view()?;
        let key = prepare(key, view);
        let uids = view.uids.clone();
        let mut found = Found::default();
        for page in uids.chunks(PAGE) {
            self.find_in(&key, page, by_modseq, &mut found).await?;
        }
        Ok(found)
    }

    /// Judges a page of messages.
    async fn find_in(
        &mut self,
        key: &SearchKey,
        uids: &[u32],
        by_modseq: bool,
        found: &mut Found,
    ) -> Result<(), Failure> {
        let now = self.service.clock.now();
        let mut judged = Vec::with_capacity(uids.len());
        let (_, view) = self.view()?;
        for uid in uids {
            let evidence = Evidence::about(*uid, view.number(*uid).unwrap_or(0), view, now);
            judged.push(judge(key, &evidence));
        }
        if judged.contains(&None) || by_modseq {
            let states = self.states(uids).await?;
            let measures = self.measures(uids).await?;
            let (_, view) = self.view()?;
            for (uid, verdict) in uids.iter().zip(&mut judged) {
                let evidence = Evidence {
                    state: find_by(&states, *uid, |state| state.uid),
                    measure: find_by(&measures, *uid, |measure| measure.uid),
                    ..Evidence::about(*uid, view.number(*uid).unwrap_or(0), view, now)
                };
                *verdict = verdict.or_else(|| judge(key, &evidence));
            }
            self.find_by_content(key, uids, &states, &measures, &mut judged)
                .await?;
            for (uid, verdict) in uids.iter().zip(&judged) {
                let state = find_by(&states, *uid, |state| state.uid);
                if let (true, Some(true), Some(state)) = (by_modseq, verdict, state) {
                    found.modseq = found.modseq.max(Some(state.modseq));
                }
            }
        }
        let right = uids.iter().zip(&judged);
        let right = right.filter(|(_, verdict)| **verdict == Some(true));
        found.uids.extend(right.map(|(uid, _)| *uid));
        Ok(())
    }

    /// Judges those that are undecided by what stands in them.
    async fn find_by_content(
        &mut self,
        key: &SearchKey,
        uids: &[u32],
        states: &[EntryState],
        measures: &[Measure],
        judged: &mut [Option<bool>],
    ) -> Result<(), Failure> {
        let service = Arc::clone(&self.service);
        let open = uids.iter().zip(&*judged);
        let open = open.filter(|(_, verdict)| verdict.is_none());
        let open: Vec<u32> = open.map(|(uid, _)| *uid).collect();
        let with_body = mentions_body(key);
        let now = self.service.clock.now();
        for some in open.chunks(SOME) {
            let (account, view) = self.view()?;
            let mailbox = view.mailbox;
            let entries = self.service.mailboxes.entries_at(account, mailbox, some);
            let entries = entries.await?;
            let kept = summaries(self.service.content.as_ref(), &entries).await;
            for (entry, summary) in entries.iter().zip(kept) {
                let (_, view) = self.view()?;
                let number = view.number(entry.uid).unwrap_or(0);
                let mut evidence = Evidence {
                    state: find_by(states, entry.uid, |state| state.uid),
                    measure: find_by(measures, entry.uid, |measure| measure.uid),
                    entry: Some(entry),
                    fields: summary.as_deref().map(|summary| &summary.fields),
                    ..Evidence::about(entry.uid, number, view, now)
                };
                let mut verdict = judge(key, &evidence);
                let text;
                if verdict.is_none() {
                    let content = service.content.as_ref();
                    text = read_text(content, entry, summary.clone(), with_body).await;
                    evidence.text = Some(&text);
                    verdict = judge(key, &evidence);
                }
                if let Ok(at) = uids.binary_search(&entry.uid) {
                    judged[at] = verdict;
                }
            }
        }
        Ok(())
    }

    /// What changes of messages whose UIDs rise.
    async fn states(&mut self, uids: &[u32]) -> Result<Vec<EntryState>, Failure> {
        let (account, view) = self.view()?;
        let mailbox = view.mailbox;
        let (Some(first), Some(last)) = (uids.first(), uids.last()) else {
            return Ok(Vec::new());
        };
        let (mut after, mut states) = (first - 1, Vec::new());
        while after < *last {
            let mailboxes = &self.service.mailboxes;
            let page = mailboxes
                .states(account, mailbox, after, uids.len())
                .await?;
            let Some(end) = page.last() else { break };
            after = end.uid;
            states.extend(page);
        }
        Ok(states)
    }

    /// What never changes of them.
    async fn measures(&mut self, uids: &[u32]) -> Result<Vec<Measure>, Failure> {
        let (account, view) = self.view()?;
        let mailbox = view.mailbox;
        let (Some(first), Some(last)) = (uids.first(), uids.last()) else {
            return Ok(Vec::new());
        };
        let (mut after, mut measures) = (first - 1, Vec::new());
        while after < *last {
            let mailboxes = &self.service.mailboxes;
            let page = mailboxes
                .measures(account, mailbox, after, uids.len())
                .await?;
            let Some(end) = page.last() else { break };
            after = end.uid;
            measures.extend(page);
        }
        Ok(measures)
    }
}

/// What stands in a message; nothing, where it cannot be read.
async fn read_text(
    content: &dyn content::ContentStore,
    entry: &MailboxEntry,
    summary: Option<Arc<Summary>>,
    with_body: bool,
) -> MessageText {
    let reading = async {
        let mut source = Source::open(content, entry).await?;
        MessageText::read(&mut source, summary.as_deref().filter(|_| with_body)).await
    };
    let read: Result<MessageText, content::Error> = reading.await;
    read.unwrap_or_else(|error| {
        tracing::error!(content = %entry.content, %error, "cannot search a message");
        MessageText::default()
    })
}

/// The item of a UID, among items whose UIDs rise.
fn find_by<T>(items: &[T], uid: u32, uid_of: impl Fn(&T) -> u32) -> Option<&T> {
    let at = items.binary_search_by_key(&uid, uid_of).ok()?;
    items.get(at)
}

/// What `$` stands for from now on (RFC 5182 §2.4).
fn saved(uids: &[u32], returns: SearchReturn) -> Vec<u32> {
    if returns.all || returns.count || !(returns.min || returns.max) {
        return uids.to_vec();
    }
    let min = uids.first().filter(|_| returns.min);
    let max = uids.last().filter(|_| returns.max);
    let mut some: Vec<u32> = min.into_iter().chain(max).copied().collect();
    some.dedup();
    some
}
