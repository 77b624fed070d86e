//! Removing entries for good.

use message::AccountId;

use super::super::engine::{Read, Step};
use super::record::{AccountRecord, MailboxRecord, account_key, entry_key, mailbox_key};
use super::shown;
use crate::StoreError;
use crate::mailbox::{MailboxChanged, MailboxEntry, MailboxName};

/// Removes one chunk; says which of `uids` were there.
pub(super) fn expunge(
    step: &mut Step<'_>,
    account: AccountId,
    name: &MailboxName,
    uids: &[u32],
    changed: &mut Vec<MailboxChanged>,
) -> Result<Vec<u32>, StoreError> {
    let Some(mut owner) = AccountRecord::find(step, account)? else {
        return Ok(Vec::new());
    };
    let Some(mut mailbox) = MailboxRecord::find(step, account, name)? else {
        return Ok(Vec::new());
    };
    let mut gone = Vec::new();
    for &uid in uids {
        let key = entry_key(account, mailbox.number, uid);
        if let Some(entry) = step.get_json::<MailboxEntry>(&key)? {
            mailbox.lose(&mut owner.usage, &entry);
            shown::lose(step, account, &entry.content)?;
            step.delete(key);
            gone.push(uid);
        }
    }
    if gone.is_empty() {
        return Ok(gone);
    }
    let modseq = owner.next_modseq();
    mailbox.highest_modseq = modseq;
    step.put_json(mailbox_key(account, name), &mailbox)?;
    step.put_json(account_key(account), &owner)?;
    changed.push(MailboxChanged {
        account,
        mailbox: name.clone(),
        modseq,
    });
    Ok(gone)
}
