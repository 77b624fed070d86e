//! Who may send as whom, on submission ports (RFC 6409 §6.1).

use std::sync::Arc;

use message::{AccountId, Address, ReversePath};
use smtp::Reply;
use smtp::header::HeaderSection;
use store::Directory;
use store::directory::expand;

use crate::replies;

/// Decides whether an address belongs to an account: mail to it would reach
/// that account.
#[derive(Clone)]
pub(crate) struct Senders(pub(crate) Arc<dyn Directory>);

impl Senders {
    /// Whether `account` may use the sender; the null one is everybody's.
    pub(crate) async fn judge(
        &self,
        account: AccountId,
        sender: &ReversePath,
    ) -> Result<(), Reply> {
        match sender {
            ReversePath::Null => Ok(()),
            ReversePath::Address(address) => {
                if self.belongs(account, address).await? {
                    Ok(())
                } else {
                    Err(replies::foreign_sender())
                }
            }
        }
    }

    /// Whether `account` may be the author that the header section names.
    pub(crate) async fn judge_author(
        &self,
        account: AccountId,
        header: &HeaderSection,
    ) -> Result<(), Reply> {
        for author in header.authors().map_err(replies::no_author)? {
            if !self.belongs(account, &author).await? {
                return Err(replies::foreign_author());
            }
        }
        Ok(())
    }

    async fn belongs(&self, account: AccountId, address: &Address) -> Result<bool, Reply> {
        let expansion = expand(self.0.as_ref(), address).await.map_err(|error| {
            error.log("cannot look up a sender");
            replies::store(&error)
        })?;
        Ok(expansion.reaches(account))
    }
}
