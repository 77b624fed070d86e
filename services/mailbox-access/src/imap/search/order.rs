//! SORT (RFC 5256 §3, RFC 5957).

use std::cmp::Ordering;
use std::sync::Arc;

use imap::{SortCriterion, SortKey};
use message::Timestamp;

use super::text::fold;
use super::{SOME, find_by};
use crate::imap::answer::Failure;
use crate::imap::session::Session;
use crate::mail::{Fields, Summary, summaries};

/// What a message is sorted by.
pub(super) struct Row {
    pub(super) uid: u32,
    arrival: Timestamp,
    size: u64,
    pub(super) fields: Folded,
}

/// Fields as they are compared.
#[derive(Default)]
pub(super) struct Folded {
    pub(super) subject: String,
    pub(super) is_reply: bool,
    from: String,
    to: String,
    cc: String,
    display_from: String,
    display_to: String,
    /// When it was sent, in seconds since 1970; when it came, where it does not
    /// say.
    pub(super) date: i64,
    pub(super) message_id: String,
    pub(super) references: Vec<String>,
}

impl Session {
    pub(super) async fn sorted(
        &mut self,
        uids: Vec<u32>,
        criteria: &[SortCriterion],
    ) -> Result<Vec<u32>, Failure> {
        let by_fields = criteria
            .iter()
            .any(|criterion| !matches!(criterion.key, SortKey::Arrival | SortKey::Size));
        let mut rows = self.rows(&uids, by_fields).await?;
        // Stable: what is equal stays in the order of the mailbox.
        rows.sort_by(|one, other| compare(one, other, criteria));
        Ok(rows.iter().map(|row| row.uid).collect())
    }

    /// What there is to know of messages whose UIDs rise.
    pub(super) async fn rows(
        &mut self,
        uids: &[u32],
        by_fields: bool,
    ) -> Result<Vec<Row>, Failure> {
        let measures = self.measures(uids).await?;
        let mut rows: Vec<Row> = uids
            .iter()
            .filter_map(|uid| {
                let measure = find_by(&measures, *uid, |measure| measure.uid)?;
                Some(Row {
                    uid: *uid,
                    arrival: measure.internal_date,
                    size: measure.size,
                    fields: Folded::default(),
                })
            })
            .collect();
        if by_fields {
            for some in rows.chunks_mut(SOME) {
                self.still_there()?;
                self.add_fields(some).await?;
            }
        }
        Ok(rows)
    }

    async fn add_fields(&mut self, rows: &mut [Row]) -> Result<(), Failure> {
        let uids: Vec<u32> = rows.iter().map(|row| row.uid).collect();
        let (account, view) = self.view()?;
        let mailbox = view.mailbox;
        let entries = self.service.mailboxes.entries_at(account, mailbox, &uids);
        let entries = entries.await?;
        let kept = summaries(self.service.content.as_ref(), &entries).await;
        let found: Vec<(u32, Option<Arc<Summary>>)> =
            entries.iter().map(|entry| entry.uid).zip(kept).collect();
        for row in rows {
            let summary = find_by(&found, row.uid, |(uid, _)| *uid);
            if let Some((_, Some(summary))) = summary {
                row.fields = Folded::of(&summary.fields, row.arrival);
            }
        }
        Ok(())
    }
}

impl Folded {
    fn of(fields: &Fields, arrival: Timestamp) -> Self {
        Self {
            subject: fold(&fields.base_subject),
            is_reply: fields.is_reply,
            from: fold(&fields.from.mailbox),
            to: fold(&fields.to.mailbox),
            cc: fold(&fields.cc.mailbox),
            display_from: fold(&fields.from.display),
            display_to: fold(&fields.to.display),
            date: fields
                .date
                .map_or_else(|| arrival.as_second(), |(seconds, _)| seconds),
            message_id: fields.message_id.clone(),
            references: fields.references.clone(),
        }
    }
}

fn compare(one: &Row, other: &Row, criteria: &[SortCriterion]) -> Ordering {
    let (a, b) = (&one.fields, &other.fields);
    for SortCriterion { reverse, key } in criteria {
        let order = match key {
            SortKey::Arrival => one.arrival.cmp(&other.arrival),
            SortKey::Size => one.size.cmp(&other.size),
            SortKey::Date => a.date.cmp(&b.date),
            SortKey::Subject => a.subject.cmp(&b.subject),
            SortKey::From => a.from.cmp(&b.from),
            SortKey::To => a.to.cmp(&b.to),
            SortKey::Cc => a.cc.cmp(&b.cc),
            SortKey::DisplayFrom => a.display_from.cmp(&b.display_from),
            SortKey::DisplayTo => a.display_to.cmp(&b.display_to),
        };
        let order = if *reverse { order.reverse() } else { order };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}
