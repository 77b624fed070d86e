//! Whether a key is true of a message, as far as what is known decides.

use imap::{Messages, SearchKey, SequenceSet};
use jiff::civil::Date;
use jiff::tz::Offset;
use message::Timestamp;
use store::mailbox::{EntryState, Flag, MailboxEntry, Measure};

use super::text::{MessageText, fold};
use crate::imap::view::View;
use crate::mail::Fields;

/// What is known of a message.
pub(super) struct Evidence<'a> {
    pub(super) uid: u32,
    pub(super) number: u32,
    pub(super) view: &'a View,
    pub(super) now: Timestamp,
    pub(super) state: Option<&'a EntryState>,
    pub(super) measure: Option<&'a Measure>,
    pub(super) entry: Option<&'a MailboxEntry>,
    pub(super) fields: Option<&'a Fields>,
    pub(super) text: Option<&'a MessageText>,
}

impl<'a> Evidence<'a> {
    /// What costs nothing to know.
    pub(super) fn about(uid: u32, number: u32, view: &'a View, now: Timestamp) -> Self {
        Self {
            uid,
            number,
            view,
            now,
            state: None,
            measure: None,
            entry: None,
            fields: None,
            text: None,
        }
    }

    fn has(&self, flag: &imap::Flag) -> Option<bool> {
        let flags = &self.state?.flags;
        Some(flags.iter().any(|stored| match (stored, flag) {
            (Flag::Seen, imap::Flag::Seen)
            | (Flag::Answered, imap::Flag::Answered)
            | (Flag::Flagged, imap::Flag::Flagged)
            | (Flag::Deleted, imap::Flag::Deleted)
            | (Flag::Draft, imap::Flag::Draft) => true,
            (Flag::Keyword(stored), imap::Flag::Keyword(wanted)) => {
                stored.as_str().eq_ignore_ascii_case(wanted.as_str())
            }
            _ => false,
        }))
    }

    /// Whether a text that may have been cut off holds another.
    fn holds(&self, pick: impl Fn(&Fields) -> &str, field: &str, needle: &str) -> Option<bool> {
        if let Some(text) = self.text {
            return Some(text.field_holds(field, needle));
        }
        let text = pick(self.fields?);
        match fold(text).contains(needle) {
            true => Some(true),
            false if Fields::is_cut(text) => None,
            false => Some(false),
        }
    }

    /// How old it is, in seconds.
    fn age(&self) -> Option<i64> {
        Some(self.now.as_second() - self.measure?.internal_date.as_second())
    }
}

/// Whether `key` is true; None as long as that cannot be said.
pub(super) fn judge(key: &SearchKey, message: &Evidence<'_>) -> Option<bool> {
    match key {
        SearchKey::All => Some(true),
        SearchKey::And(keys) => judge_all(keys, message),
        SearchKey::Or(both) => match (judge(&both.0, message), judge(&both.1, message)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            (None, _) | (_, None) => None,
        },
        SearchKey::Not(key) => judge(key, message).map(|verdict| !verdict),
        SearchKey::Numbers(Messages::Set(set)) => {
            Some(set.contains(message.number, message.view.count()))
        }
        SearchKey::Uids(Messages::Set(set)) => {
            let last = message.view.uids.last().copied().unwrap_or(0);
            Some(set.contains(message.uid, last))
        }
        SearchKey::Numbers(Messages::Saved) | SearchKey::Uids(Messages::Saved) => {
            Some(message.view.saved.binary_search(&message.uid).is_ok())
        }
        SearchKey::Flag(flag) => message.has(flag),
        SearchKey::Recent => Some(false),
        SearchKey::SaveDateSupported => Some(true),
        SearchKey::Modseq(modseq) => Some(message.state?.modseq >= *modseq),
        SearchKey::EmailId(id) => Some(message.entry?.email_id() == *id),
        // We make no threads of our own.
        SearchKey::ThreadId(_) => Some(false),
        SearchKey::Larger(size) => Some(message.measure?.size > *size),
        SearchKey::Smaller(size) => Some(message.measure?.size < *size),
        SearchKey::Older(seconds) => Some(message.age()? >= i64::from(*seconds)),
        SearchKey::Younger(seconds) => Some(message.age()? <= i64::from(*seconds)),
        SearchKey::Before(_)
        | SearchKey::On(_)
        | SearchKey::Since(_)
        | SearchKey::SentBefore(_)
        | SearchKey::SentOn(_)
        | SearchKey::SentSince(_)
        | SearchKey::SavedBefore(_)
        | SearchKey::SavedOn(_)
        | SearchKey::SavedSince(_) => judge_day(key, message),
        SearchKey::Bcc(_)
        | SearchKey::Cc(_)
        | SearchKey::From(_)
        | SearchKey::To(_)
        | SearchKey::Subject(_)
        | SearchKey::Header(..)
        | SearchKey::Body(_)
        | SearchKey::Text(_) => judge_text(key, message),
    }
}

fn judge_all(keys: &[SearchKey], message: &Evidence<'_>) -> Option<bool> {
    let mut open = false;
    for key in keys {
        match judge(key, message) {
            Some(false) => return Some(false),
            Some(true) => {}
            None => open = true,
        }
    }
    (!open).then_some(true)
}

fn judge_day(key: &SearchKey, message: &Evidence<'_>) -> Option<bool> {
    let day = |time: Timestamp| Offset::UTC.to_datetime(time).date();
    let received = || message.measure.map(|measure| day(measure.internal_date));
    let saved = || message.measure.map(|measure| day(measure.saved));
    match key {
        SearchKey::Before(date) => Some(received()? < *date),
        SearchKey::On(date) => Some(received()? == *date),
        SearchKey::Since(date) => Some(received()? >= *date),
        SearchKey::SavedBefore(date) => Some(saved()? < *date),
        SearchKey::SavedOn(date) => Some(saved()? == *date),
        SearchKey::SavedSince(date) => Some(saved()? >= *date),
        SearchKey::SentBefore(date) => Some(sent(message)?.is_some_and(|day| day < *date)),
        SearchKey::SentOn(date) => Some(sent(message)?.is_some_and(|day| day == *date)),
        SearchKey::SentSince(date) => Some(sent(message)?.is_some_and(|day| day >= *date)),
        _ => Some(false),
    }
}

/// The day of the Date field, in its own zone; where there is none, that of
/// reception.
fn sent(message: &Evidence<'_>) -> Option<Option<Date>> {
    match message.fields?.date {
        Some((_, [year, month, day])) => Some(Date::new(year, month as i8, day as i8).ok()),
        None => {
            let time = message.measure?.internal_date;
            Some(Some(Offset::UTC.to_datetime(time).date()))
        }
    }
}

fn judge_text(key: &SearchKey, message: &Evidence<'_>) -> Option<bool> {
    match key {
        SearchKey::From(text) => message.holds(|fields| &fields.from.all, "From", text),
        SearchKey::To(text) => message.holds(|fields| &fields.to.all, "To", text),
        SearchKey::Cc(text) => message.holds(|fields| &fields.cc.all, "Cc", text),
        SearchKey::Subject(text) => message.holds(|fields| &fields.subject, "Subject", text),
        SearchKey::Bcc(text) => Some(message.text?.field_holds("Bcc", text)),
        SearchKey::Header(field, text) => Some(message.text?.field_holds(field, text)),
        SearchKey::Body(text) => Some(message.text?.body_holds(text)),
        SearchKey::Text(text) => Some(message.text?.holds(text)),
        _ => Some(false),
    }
}

/// The key with its texts folded and its sets in order, once for all messages.
pub(super) fn prepare(key: SearchKey, view: &View) -> SearchKey {
    match key {
        SearchKey::And(keys) => {
            let keys = keys.into_iter().map(|key| prepare(key, view));
            SearchKey::And(keys.collect())
        }
        SearchKey::Or(both) => {
            let (one, other) = *both;
            SearchKey::Or(Box::new((prepare(one, view), prepare(other, view))))
        }
        SearchKey::Not(key) => SearchKey::Not(Box::new(prepare(*key, view))),
        SearchKey::Numbers(Messages::Set(set)) => SearchKey::Numbers(in_order(&set, view.count())),
        SearchKey::Uids(Messages::Set(set)) => {
            let last = view.uids.last().copied().unwrap_or(0);
            SearchKey::Uids(in_order(&set, last))
        }
        SearchKey::Bcc(text) => SearchKey::Bcc(fold(&text)),
        SearchKey::Cc(text) => SearchKey::Cc(fold(&text)),
        SearchKey::From(text) => SearchKey::From(fold(&text)),
        SearchKey::To(text) => SearchKey::To(fold(&text)),
        SearchKey::Subject(text) => SearchKey::Subject(fold(&text)),
        SearchKey::Body(text) => SearchKey::Body(fold(&text)),
        SearchKey::Text(text) => SearchKey::Text(fold(&text)),
        SearchKey::Header(field, text) => SearchKey::Header(field, fold(&text)),
        other => other,
    }
}

fn in_order(set: &SequenceSet, last: u32) -> Messages {
    let ranges = set.ranges(last).into_iter();
    let ranges = ranges.map(|range| (*range.start(), *range.end()));
    Messages::Set(SequenceSet::of_ranges(ranges).unwrap_or_else(|| set.clone()))
}

/// Whether a key asks for what stands in bodies.
pub(super) fn mentions_body(key: &SearchKey) -> bool {
    mentions(key, &|key| {
        matches!(key, SearchKey::Body(_) | SearchKey::Text(_))
    })
}

/// Whether a key asks for modification sequences.
pub(super) fn mentions_modseq(key: &SearchKey) -> bool {
    mentions(key, &|key| matches!(key, SearchKey::Modseq(_)))
}

fn mentions(key: &SearchKey, wanted: &dyn Fn(&SearchKey) -> bool) -> bool {
    match key {
        SearchKey::And(keys) => keys.iter().any(|key| mentions(key, wanted)),
        SearchKey::Or(both) => mentions(&both.0, wanted) || mentions(&both.1, wanted),
        SearchKey::Not(key) => mentions(key, wanted),
        key => wanted(key),
    }
}
