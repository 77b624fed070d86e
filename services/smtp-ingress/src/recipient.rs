//! Who may be a recipient: all that can be known before the 250.

use std::sync::Arc;

use message::{Address, Domain, LocalPart};
use smtp::Reply;
use smtp::command::ForwardPath;
use smtp::server::Role;
use store::directory::{Account, Expansion, Lookup, Reached, expand};
use store::{Directory, MailboxStore, StoreError};

use crate::replies;

/// Decides about RCPT.
pub(crate) struct Recipients {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) mailboxes: Arc<dyn MailboxStore>,
}

impl Recipients {
    /// The address to deliver to, or why not. `size` is what MAIL declared.
    pub(crate) async fn judge(
        &self,
        path: &ForwardPath,
        role: Role,
        size: u64,
    ) -> Result<Address, Reply> {
        let known = self.look_up(path, role, size).await;
        known.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot look up a recipient");
            Err(replies::store(&error))
        })
    }

    async fn look_up(
        &self,
        path: &ForwardPath,
        role: Role,
        size: u64,
    ) -> Result<Result<Address, Reply>, StoreError> {
        let address = match path {
            ForwardPath::Address(address) => address.clone(),
            ForwardPath::Postmaster => match self.postmaster().await? {
                Some(address) => address,
                None => return Ok(Err(replies::unknown_recipient())),
            },
        };
        let refusal = match self.directory.lookup(&address).await? {
            Lookup::NotLocal => (role == Role::Mx).then(replies::no_relaying),
            Lookup::Unknown => Some(replies::unknown_recipient()),
            Lookup::Account { account, via: _ } => self.full(&account, size).await?,
            Lookup::Alias { .. } => self.alias(&address, size).await?,
        };
        Ok(refusal.map_or(Ok(address), Err))
    }

    /// `<postmaster>` is that of the primary domain (RFC 5321 §4.5.1).
    async fn postmaster(&self) -> Result<Option<Address>, StoreError> {
        let domain = self.directory.primary_domain().await?;
        Ok(domain.and_then(|domain| at("postmaster", domain.name)))
    }

    /// Why mail to an alias can reach nobody, if so. Only where it reaches a
    /// single account is that account's quota a reason.
    async fn alias(&self, address: &Address, size: u64) -> Result<Option<Reply>, StoreError> {
        let Expansion { reached, .. } = expand(self.directory.as_ref(), address).await?;
        match reached.as_slice() {
            [] => Ok(Some(replies::unknown_recipient())),
            [Reached::Account { account, .. }] => self.full(account, size).await,
            [_, ..] => Ok(None),
        }
    }

    async fn full(&self, account: &Account, size: u64) -> Result<Option<Reply>, StoreError> {
        let Some(quota) = account.quota else {
            return Ok(None);
        };
        let usage = self.mailboxes.usage(account.id).await?;
        let over = usage.octets.saturating_add(size.max(1)) > quota;
        Ok(over.then(replies::mailbox_full))
    }
}

fn at(local_part: &str, domain: Domain) -> Option<Address> {
    Some(Address::new(
        LocalPart::from_unquoted(local_part).ok()?,
        domain,
    ))
}
