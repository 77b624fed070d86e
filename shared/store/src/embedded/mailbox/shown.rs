//! How many entries of an account show each content, and the releases of those
//! that none shows any more.

use message::{AccountId, ContentId};

use super::super::engine::{Read, Step};
use super::super::key::{Key, KeyReader, Space};
use crate::StoreError;
use crate::mailbox::Release;

pub(super) fn account_prefix(account: AccountId) -> Key {
    Key::new(Space::Shown).u64(account.bits())
}

pub(super) fn key(account: AccountId, content: &ContentId) -> Key {
    account_prefix(account).text(content.as_str())
}

pub(super) fn release_key(release: &Release) -> Key {
    Key::new(Space::Release)
        .u64(release.account.bits())
        .text(release.content.as_str())
}

/// What a key of either kind names.
pub(super) fn read_back(key: &[u8]) -> Result<Release, StoreError> {
    let mut parts = KeyReader::new(key);
    let account = AccountId::from_bits(parts.u64()?);
    let content = parts
        .text()?
        .parse()
        .map_err(|error| super::corrupt(key, error))?;
    Ok(Release { account, content })
}

/// One entry more shows `content`; a release that waits no longer holds.
pub(super) fn gain(
    step: &mut Step<'_>,
    account: AccountId,
    content: &ContentId,
) -> Result<(), StoreError> {
    let key = key(account, content);
    let count = step.get_json::<u64>(&key)?.unwrap_or(0);
    let waiting = release_key(&Release {
        account,
        content: content.clone(),
    });
    if count == 0 && step.exists(&waiting)? {
        step.delete(waiting);
    }
    step.put_json(key, &(count + 1))
}

/// One entry less shows `content`; the last one queues its release.
pub(super) fn lose(
    step: &mut Step<'_>,
    account: AccountId,
    content: &ContentId,
) -> Result<(), StoreError> {
    let key = key(account, content);
    match step.get_json::<u64>(&key)? {
        Some(count) if count > 1 => step.put_json(key, &(count - 1)),
        Some(_) | None => {
            release(
                step,
                key,
                &Release {
                    account,
                    content: content.clone(),
                },
            );
            Ok(())
        }
    }
}

/// Nothing of the account shows what stands under `shown` any more.
pub(super) fn release(step: &mut Step<'_>, shown: Key, release: &Release) {
    step.delete(shown);
    step.put(release_key(release), Vec::new());
}
