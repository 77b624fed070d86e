//! The tree of an account's mailboxes. What becomes of it is decided here, where
//! names are known, on a copy of the tree; the server does it if the tree is still
//! that one, else the copy is read anew.

use std::collections::BTreeSet;

use super::super::connection::Call;
use super::account::{Owner, role_from, role_text};
use super::reply::InfoReply;
use crate::StoreError;
use crate::mailbox::{Created, MAX_MAILBOXES, MailboxId, MailboxInfo, MailboxName, Renamed, Role};

/// How often a tree that others change is read anew.
const TRIES: u32 = 10;

/// The mailboxes of an account at one moment.
struct Tree {
    /// How often the tree changed until then.
    version: u64,
    /// Whether the account is removed.
    removed: bool,
    /// In no order.
    mailboxes: Vec<Placed>,
}

/// A mailbox and its place in the tree.
struct Placed {
    id: MailboxId,
    name: MailboxName,
    role: Option<Role>,
}

/// One change of a tree.
enum Change<'n> {
    Make(&'n MailboxName, Option<Role>),
    Rename(MailboxId, MailboxName),
    RenameInbox(&'n MailboxName),
}

impl Tree {
    fn named(&self, name: &MailboxName) -> Option<&Placed> {
        self.mailboxes.iter().find(|mailbox| mailbox.name == *name)
    }
}

/// Names above `name` without a mailbox, the highest first.
fn missing_above<'m>(
    there: impl IntoIterator<Item = &'m Placed>,
    name: &MailboxName,
) -> Vec<MailboxName> {
    let there: BTreeSet<_> = there.into_iter().map(|mailbox| &mailbox.name).collect();
    let mut missing: Vec<_> = name
        .superiors()
        .filter(|above| !there.contains(above))
        .collect();
    missing.reverse();
    missing
}

impl Owner<'_> {
    /// The mailbox that `call` finds.
    pub(super) async fn info(&self, call: Call) -> Result<Option<MailboxInfo>, StoreError> {
        let found = self.call::<Option<InfoReply>>(call).await?;
        found.map(|found| found.info(self)).transpose()
    }

    /// All mailboxes, by name.
    pub(super) async fn mailboxes(&self) -> Result<Vec<MailboxInfo>, StoreError> {
        let mailboxes: Vec<InfoReply> = self.call(self.read("mailbox_list")).await?;
        let mailboxes = mailboxes.into_iter().map(|mailbox| mailbox.info(self));
        let mut mailboxes = mailboxes.collect::<Result<Vec<_>, _>>()?;
        mailboxes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(mailboxes)
    }

    async fn tree(&self) -> Result<Tree, StoreError> {
        let (version, removed, places): (u64, bool, Vec<(String, String)>) =
            self.call(self.read("mailbox_tree")).await?;
        let placed = places.into_iter().map(|(name, place)| {
            let parts = place.split_once(' ').and_then(|(id, role)| {
                let id = MailboxId::from_number(id.parse().ok()?);
                Some((id, role_from(role)?))
            });
            let (id, role) = parts.ok_or_else(|| self.corrupt("a place"))?;
            let name = self.name(name)?;
            Ok(Placed { id, name, role })
        });
        Ok(Tree {
            version,
            removed,
            mailboxes: placed.collect::<Result<_, StoreError>>()?,
        })
    }

    pub(super) async fn create(
        &self,
        name: &MailboxName,
        role: Option<Role>,
    ) -> Result<Created, StoreError> {
        for _ in 0..TRIES {
            let tree = self.tree().await?;
            if tree.removed {
                return Ok(Created::NoSuchAccount);
            }
            if tree.named(name).is_some() {
                return Ok(Created::Exists);
            }
            if role.is_some() && tree.mailboxes.iter().any(|mailbox| mailbox.role == role) {
                return Ok(Created::RoleTaken);
            }
            let missing = missing_above(&tree.mailboxes, name);
            if tree.mailboxes.len() + missing.len() >= MAX_MAILBOXES {
                return Ok(Created::TooMany);
            }
            let above = missing.iter().map(|name| Change::Make(name, None));
            let changes: Vec<_> = above.chain([Change::Make(name, role)]).collect();
            if let Some(made) = self.arrange(&tree, &changes).await? {
                let last = made.last().ok_or_else(|| self.corrupt("the tree"))?;
                return Ok(Created::Created(MailboxId::from_number(*last)));
            }
        }
        Err(ever_changing())
    }

    pub(super) async fn rename(
        &self,
        id: MailboxId,
        name: &MailboxName,
    ) -> Result<Renamed, StoreError> {
        for _ in 0..TRIES {
            let tree = self.tree().await?;
            let changes = match renaming(&tree, id, name) {
                Ok(plan) => plan,
                Err(refused) => return Ok(refused),
            };
            let above = changes.above.iter().map(|name| Change::Make(name, None));
            let changes: Vec<_> = above.chain(changes.renames).collect();
            if changes.is_empty() || self.arrange(&tree, &changes).await?.is_some() {
                return Ok(Renamed::Renamed);
            }
        }
        Err(ever_changing())
    }

    /// Changes the tree, unless it is another one by now; the ids of what was
    /// made.
    async fn arrange(
        &self,
        tree: &Tree,
        changes: &[Change<'_>],
    ) -> Result<Option<Vec<u32>>, StoreError> {
        let call = self.write("mailbox_arrange").arg(self.link.now());
        let mut call = call.arg(tree.version).once();
        for change in changes {
            call = match change {
                Change::Make(name, role) => call.arg(("make", name.as_str(), role_text(*role))),
                Change::Rename(id, name) => call.arg(("rename", id.number(), name.as_str())),
                Change::RenameInbox(name) => call.arg(("rename inbox", name.as_str(), "")),
            };
        }
        self.call(call).await
    }
}

/// What makes a renaming: mailboxes above the new name, and new names.
#[derive(Default)]
struct Renaming<'n> {
    above: Vec<MailboxName>,
    renames: Vec<Change<'n>>,
}

fn renaming<'n>(
    tree: &Tree,
    id: MailboxId,
    name: &'n MailboxName,
) -> Result<Renaming<'n>, Renamed> {
    let all = &tree.mailboxes;
    let old = all.iter().find(|mailbox| mailbox.id == id);
    let old = &old.ok_or(Renamed::NoSuchMailbox)?.name;
    if name == old {
        return Ok(Renaming::default());
    }
    let above = missing_above(all, name);
    if all.len() + above.len() + usize::from(old.is_inbox()) > MAX_MAILBOXES {
        return Err(Renamed::TooMany);
    }
    if old.is_inbox() {
        let renames = vec![Change::RenameInbox(name)];
        return match tree.named(name) {
            Some(_) => Err(Renamed::Exists),
            None => Ok(Renaming { above, renames }),
        };
    }
    if name.is_below(old) {
        return Err(Renamed::IntoItself);
    }
    let (moving, staying): (Vec<_>, Vec<_>) = all
        .iter()
        .partition(|mailbox| mailbox.name == *old || mailbox.name.is_below(old));
    let taken: BTreeSet<_> = staying.iter().map(|mailbox| &mailbox.name).collect();
    let mut renames = Vec::with_capacity(moving.len());
    for mailbox in moving {
        let renamed = mailbox.name.renamed(old, name);
        let renamed = renamed.map_err(|_too_long| Renamed::TooLong)?;
        renames.push((mailbox.id, renamed));
    }
    if renames.iter().any(|(_, name)| taken.contains(name)) {
        return Err(Renamed::Exists);
    }
    let renames = renames
        .into_iter()
        .map(|(id, name)| Change::Rename(id, name));
    Ok(Renaming {
        above: missing_above(staying, name),
        renames: renames.collect(),
    })
}

fn ever_changing() -> StoreError {
    StoreError::Unavailable("the account's mailboxes change all the time".to_owned())
}
