//! SEARCH, SORT and THREAD (RFC 9051 §6.4.4, RFC 5256).
//!
//! A message is judged by what is cheapest to know first; what costs more is read
//! only of those that nothing decided yet.

mod judge;
mod order;
mod reading;
mod text;
mod threads;

use imap::response::{Esearch, Response};
use imap::{Search, SearchKey, SearchReturn, Sort, Tag, Thread};
use message::Timestamp;
use store::mailbox::{EntryState, Measure};

use super::answer::{Answer, Failure};
use super::session::Session;
use super::view::View;
use judge::{Evidence, judge, mentions_modseq, prepare};

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
            let page = Page {
                uids,
                states: self.states(uids).await?,
                measures: self.measures(uids).await?,
                now,
            };
            let (_, view) = self.view()?;
            for (uid, verdict) in uids.iter().zip(&mut judged) {
                *verdict = verdict.or_else(|| judge(key, &page.evidence(*uid, view)));
            }
            self.find_by_content(key, &page, &mut judged).await?;
            for (uid, verdict) in uids.iter().zip(&judged) {
                let state = find_by(&page.states, *uid, |state| state.uid);
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

/// Messages that are judged together, and what the store knows of them.
struct Page<'p> {
    /// Rising.
    uids: &'p [u32],
    states: Vec<EntryState>,
    measures: Vec<Measure>,
    now: Timestamp,
}

impl Page<'_> {
    fn evidence<'e>(&'e self, uid: u32, view: &'e View) -> Evidence<'e> {
        Evidence {
            state: find_by(&self.states, uid, |state| state.uid),
            measure: find_by(&self.measures, uid, |measure| measure.uid),
            ..Evidence::about(uid, view.number(uid).unwrap_or(0), view, self.now)
        }
    }
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
