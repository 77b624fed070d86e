//! Who may be a recipient: all that can be known before the 250.

use std::sync::Arc;

use message::srs::Rewriter;
use message::{Address, Clock, Domain, LocalPart};
use smtp::Reply;
use smtp::command::ForwardPath;
use smtp::server::Role;
use store::directory::{Account, DeadEnd, Expander, Expansion, Impasse, Reached};
use store::mailbox::{Quota, Usage};
use store::{Directory, MailboxStore, StoreError};

use crate::replies;

/// Decides about RCPT.
pub(crate) struct Recipients {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) mailboxes: Arc<dyn MailboxStore>,
    /// What rewrote return paths that mail may come back to, if anything.
    pub(crate) rewriter: Option<Rewriter>,
    pub(crate) clock: Arc<dyn Clock>,
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
            error.log("cannot look up a recipient");
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
        let expander = Expander::new(self.directory.as_ref());
        let expander = expander.with_srs(self.rewriter.as_ref(), self.clock.now());
        let expansion = expander.expand(&address).await?;
        let refusal = match expansion.reached.as_slice() {
            [] => Some(reaches_nobody(&expansion)),
            // Where it is the only one, its quota is a reason.
            [Reached::Account { account, .. }] => self.full(account, size).await?,
            [Reached::Remote { chain, .. }] if chain.is_empty() => {
                (role == Role::Mx).then(replies::no_relaying)
            }
            [_, ..] => None,
        };
        Ok(refusal.map_or(Ok(address), Err))
    }

    /// `<postmaster>` is that of the primary domain (RFC 5321 §4.5.1).
    async fn postmaster(&self) -> Result<Option<Address>, StoreError> {
        let domain = self.directory.primary_domain().await?;
        Ok(domain.and_then(|domain| at("postmaster", domain.name)))
    }

    async fn full(&self, account: &Account, size: u64) -> Result<Option<Reply>, StoreError> {
        if account.quota == Quota::NONE {
            return Ok(None);
        }
        let usage = self.mailboxes.usage(account.id).await?;
        let more = Usage {
            octets: size.max(1),
            messages: 1,
        };
        let fits = account.quota.allows(usage, more);
        Ok((!fits).then(replies::mailbox_full))
    }
}

/// Why not, where one reason explains it.
fn reaches_nobody(expansion: &Expansion) -> Reply {
    match expansion.dead_ends.as_slice() {
        [
            DeadEnd {
                why: Impasse::Srs(error),
                ..
            },
        ] => replies::no_return_path(*error),
        _ => replies::unknown_recipient(),
    }
}

fn at(local_part: &str, domain: Domain) -> Option<Address> {
    Some(Address::new(
        LocalPart::from_unquoted(local_part).ok()?,
        domain,
    ))
}
