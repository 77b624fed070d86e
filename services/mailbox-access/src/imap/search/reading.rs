//! Judging messages by what stands in them. Several are read at a time, and decoded
//! by threads that may block: a search of bodies holds up no other session.
//!
//! What is in memory of them is bounded: what one session reads together, and how
//! many do so. Between two such reads a client that hung up is noticed.

use std::sync::Arc;

use content::ContentStore;
use futures_util::future::join_all;
use imap::SearchKey;
use store::mailbox::MailboxEntry;

use super::judge::{Evidence, judge, mentions_body};
use super::text::{Encoded, MessageText};
use super::{Page, SOME};
use crate::imap::answer::Failure;
use crate::imap::session::Session;
use crate::imap::view::View;
use crate::mail::{SMALL, Source, Summary, summaries};

/// Octets that are read together, but that one message may have more; and messages.
const TOGETHER: (u64, usize) = (2 * 1024 * 1024, 64);

/// Messages that their text decides about.
#[derive(Default)]
struct Unread {
    entries: Vec<MailboxEntry>,
    summaries: Vec<Option<Arc<Summary>>>,
}

/// Why a message is as good as empty.
#[derive(Debug, thiserror::Error)]
enum Unsearchable {
    #[error("it cannot be read")]
    Content(#[from] content::Error),
    #[error("it cannot be decoded")]
    Decoding(#[from] tokio::task::JoinError),
}

impl Session {
    /// Judges those that are undecided by what stands in them.
    pub(super) async fn find_by_content(
        &mut self,
        key: &SearchKey,
        page: &Page<'_>,
        judged: &mut [Option<bool>],
    ) -> Result<(), Failure> {
        let open = page.uids.iter().zip(&*judged);
        let open = open.filter(|(_, verdict)| verdict.is_none());
        let open: Vec<u32> = open.map(|(uid, _)| *uid).collect();
        for some in open.chunks(SOME) {
            self.still_there()?;
            let (account, view) = self.view()?;
            let mailbox = view.mailbox;
            let entries = self.service.mailboxes.entries_at(account, mailbox, some);
            let entries = entries.await?;
            let kept = summaries(self.service.content.as_ref(), &entries).await;
            let (_, view) = self.view()?;
            let mut unread = Unread::default();
            for (entry, summary) in entries.into_iter().zip(kept) {
                let evidence = page.known(&entry, summary.as_deref(), view);
                match judge(key, &evidence) {
                    None => unread.add(entry, summary),
                    verdict => page.note(entry.uid, verdict, judged),
                }
            }
            self.find_by_text(key, page, &unread, judged).await?;
        }
        Ok(())
    }

    async fn find_by_text(
        &mut self,
        key: &SearchKey,
        page: &Page<'_>,
        unread: &Unread,
        judged: &mut [Option<bool>],
    ) -> Result<(), Failure> {
        let service = Arc::clone(&self.service);
        let with_body = mentions_body(key);
        let (mut entries, mut summaries) = (&*unread.entries, &*unread.summaries);
        while !entries.is_empty() {
            self.still_there()?;
            let count = together(entries, summaries, with_body);
            let ((some, rest), (theirs, others)) =
                (entries.split_at(count), summaries.split_at(count));
            (entries, summaries) = (rest, others);
            // It is never closed; without a turn there would only be no bound.
            let _turn = service.readers.acquire().await;
            let texts = texts(service.content.as_ref(), some, theirs, with_body).await;
            let (_, view) = self.view()?;
            for ((entry, summary), text) in some.iter().zip(theirs).zip(&texts) {
                let evidence = Evidence {
                    text: Some(text),
                    ..page.known(entry, summary.as_deref(), view)
                };
                page.note(entry.uid, judge(key, &evidence), judged);
            }
        }
        Ok(())
    }
}

impl Unread {
    fn add(&mut self, entry: MailboxEntry, summary: Option<Arc<Summary>>) {
        self.entries.push(entry);
        self.summaries.push(summary);
    }
}

impl Page<'_> {
    fn known<'e>(
        &'e self,
        entry: &'e MailboxEntry,
        summary: Option<&'e Summary>,
        view: &'e View,
    ) -> Evidence<'e> {
        Evidence {
            entry: Some(entry),
            fields: summary.map(|summary| &summary.fields),
            ..self.evidence(entry.uid, view)
        }
    }

    fn note(&self, uid: u32, verdict: Option<bool>, judged: &mut [Option<bool>]) {
        if let Ok(at) = self.uids.binary_search(&uid) {
            judged[at] = verdict;
        }
    }
}

/// How many of the first are read together: at least one.
fn together(
    entries: &[MailboxEntry],
    summaries: &[Option<Arc<Summary>>],
    with_body: bool,
) -> usize {
    let mut octets: u64 = 0;
    let both = entries.iter().zip(summaries).take(TOGETHER.1);
    let fitting = both.take_while(|(entry, summary)| {
        let searched = summary.as_deref().map(|it| Encoded::octets(it, with_body));
        // What is small is in memory as a whole.
        octets += searched.unwrap_or(0).max(entry.size.min(SMALL));
        octets <= TOGETHER.0
    });
    fitting.count().max(1)
}

/// What stands in messages; nothing, where one cannot be read.
async fn texts(
    content: &dyn ContentStore,
    entries: &[MailboxEntry],
    summaries: &[Option<Arc<Summary>>],
    with_body: bool,
) -> Vec<MessageText> {
    let sources = match with_body {
        true => Source::open_all(content, entries).await,
        false => Source::headers(content, entries, summaries).await,
    };
    let texts = entries.iter().zip(sources).zip(summaries);
    let texts = texts.map(async |((entry, source), summary)| {
        let Some(mut source) = source else {
            return MessageText::default();
        };
        let summary = summary.as_deref().filter(|_| with_body);
        let text = text(&mut source, summary).await;
        text.unwrap_or_else(|error| {
            let cause = &error as &dyn std::error::Error;
            tracing::error!(content = %entry.content, error = cause, "cannot search a message");
            MessageText::default()
        })
    });
    join_all(texts).await
}

async fn text(source: &mut Source, summary: Option<&Summary>) -> Result<MessageText, Unsearchable> {
    let encoded = Encoded::read(source, summary).await?;
    Ok(tokio::task::spawn_blocking(move || encoded.decode()).await?)
}
