//! LIST, LSUB and STATUS (RFC 9051 §6.3.9 to §6.3.11, RFC 5258, RFC 5819).

use std::collections::BTreeSet;

use imap::response::{MailboxAttribute, MailboxLine, MailboxStatus, Response};
use imap::{List, Pattern, StatusItem};
use store::mailbox::{MailboxInfo, MailboxName};

use super::answer::{Answer, Failure};
use super::mailbox::special_use;
use super::session::Session;

/// Entries looked at at a time.
const PAGE: usize = 10_000;

/// What a listing looks at.
struct Names {
    mailboxes: Vec<MailboxInfo>,
    subscribed: BTreeSet<MailboxName>,
}

impl Session {
    pub(super) async fn list(&mut self, list: List) -> Result<Answer, Failure> {
        let names = self.names().await?;
        if !list.is_extended()
            && list
                .patterns
                .iter()
                .all(|pattern| pattern.as_str().is_empty())
        {
            // An empty pattern asks for the delimiter (RFC 3501 §6.3.8).
            self.tell_line(&[MailboxAttribute::Noselect], "", false);
            return Ok(Answer::ok("That is all"));
        }
        let reference = list.reference.as_str().to_owned();
        let patterns = list
            .patterns
            .iter()
            .map(|pattern| pattern.under(&reference));
        let patterns: Vec<Pattern> = patterns.collect();
        let matches = |name: &str| patterns.iter().any(|pattern| pattern.matches(name));
        let returns = list.returns.clone().unwrap_or_default();
        for line in names.lines(&list, &matches) {
            self.tell_line(&line.attributes, line.name.as_str(), line.subscribed_child);
            if let (Some(info), false) = (line.info, returns.status.is_empty()) {
                self.tell_status(info, &returns.status).await?;
            }
            self.flush_if_full().await?;
        }
        Ok(Answer::ok("That is all"))
    }

    pub(super) async fn lsub(
        &mut self,
        reference: &Pattern,
        pattern: &Pattern,
    ) -> Result<Answer, Failure> {
        let names = self.names().await?;
        let pattern = pattern.under(reference.as_str());
        let mut told = BTreeSet::new();
        for name in &names.subscribed {
            if pattern.matches(name.as_str()) {
                told.insert((name.clone(), true));
                continue;
            }
            // RFC 3501 §6.3.9: a level above stands for what % does not reach.
            let above = name
                .superiors()
                .find(|above| pattern.matches(above.as_str()));
            if let Some(above) = above.filter(|above| !names.subscribed.contains(above)) {
                told.insert((above, false));
            }
        }
        for (name, itself) in told {
            let attributes: &[MailboxAttribute] = match itself {
                true => &[],
                false => &[MailboxAttribute::Noselect],
            };
            let name = imap::MailboxName::new(name.as_str());
            self.say(&Response::Lsub(MailboxLine {
                attributes,
                name: &name,
                subscribed_child: false,
            }));
        }
        Ok(Answer::ok("That is all"))
    }

    pub(super) async fn status(
        &mut self,
        mailbox: &imap::MailboxName,
        items: &[StatusItem],
    ) -> Result<Answer, Failure> {
        let info = self.named(mailbox).await?;
        self.tell_status(&info, items).await?;
        Ok(Answer::ok("That is all"))
    }

    async fn names(&self) -> Result<Names, Failure> {
        let account = self.account()?;
        let subscribed = self.service.mailboxes.subscriptions(account).await?;
        Ok(Names {
            mailboxes: self.service.mailboxes.mailboxes(account).await?,
            subscribed: subscribed.into_iter().collect(),
        })
    }

    fn tell_line(&mut self, attributes: &[MailboxAttribute], name: &str, subscribed_child: bool) {
        let name = imap::MailboxName::new(name);
        self.say(&Response::List(MailboxLine {
            attributes,
            name: &name,
            subscribed_child,
        }));
    }

    async fn tell_status(
        &mut self,
        info: &MailboxInfo,
        items: &[StatusItem],
    ) -> Result<(), Failure> {
        let mut numbers = Vec::new();
        let mut id = None;
        for item in items {
            let number = match item {
                StatusItem::Messages => info.messages,
                StatusItem::Recent => 0,
                StatusItem::UidNext => info.uid_next.into(),
                StatusItem::UidValidity => info.uid_validity.into(),
                StatusItem::Unseen => info.unseen,
                StatusItem::Deleted => info.deleted,
                StatusItem::Size => info.octets,
                StatusItem::HighestModseq => {
                    self.enabled.condstore = true;
                    info.highest_modseq.max(1)
                }
                StatusItem::AppendLimit => self.service.append_limit,
                StatusItem::MailboxId => {
                    id = Some(info.id.to_string());
                    continue;
                }
                StatusItem::DeletedStorage => self.deleted_octets(info).await?,
            };
            numbers.push((*item, number));
        }
        let name = imap::MailboxName::new(info.name.as_str());
        self.say(&Response::MailboxStatus(MailboxStatus {
            mailbox: &name,
            items: &numbers,
            id: id.as_deref(),
        }));
        Ok(())
    }

    /// The octets that an EXPUNGE would free.
    async fn deleted_octets(&self, info: &MailboxInfo) -> Result<u64, Failure> {
        if info.deleted == 0 {
            return Ok(0);
        }
        let account = self.account()?;
        let deleted = self.deleted(account, info.id).await?;
        let (mut octets, mut after) = (0, 0);
        loop {
            let mailboxes = &self.service.mailboxes;
            let page = mailboxes.measures(account, info.id, after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(octets);
            };
            after = last.uid;
            let sizes = page
                .iter()
                .filter(|measure| deleted.binary_search(&measure.uid).is_ok());
            octets += sizes.map(|measure| measure.size).sum::<u64>();
        }
    }
}

/// A line of LIST.
struct Line<'a> {
    attributes: Vec<MailboxAttribute>,
    name: MailboxName,
    subscribed_child: bool,
    /// Where it is a mailbox.
    info: Option<&'a MailboxInfo>,
}

impl Names {
    fn lines(&self, list: &List, matches: &dyn Fn(&str) -> bool) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        for info in &self.mailboxes {
            let wanted = matches(info.name.as_str()) && self.selects(list, info);
            let child = list.selection.recursive_match
                && list.selection.subscribed
                && matches(info.name.as_str())
                && self.subscribed.iter().any(|name| name.is_below(&info.name));
            if wanted || child {
                lines.push(self.line(list, info, child));
            }
        }
        if list.selection.subscribed && !list.selection.special_use {
            let known = |name: &MailboxName| self.mailboxes.iter().any(|info| info.name == *name);
            let gone = self.subscribed.iter().filter(|name| !known(name));
            lines.extend(gone.filter(|name| matches(name.as_str())).map(|name| Line {
                attributes: vec![MailboxAttribute::NonExistent, MailboxAttribute::Subscribed],
                name: name.clone(),
                subscribed_child: false,
                info: None,
            }));
        }
        lines
    }

    fn selects(&self, list: &List, info: &MailboxInfo) -> bool {
        let subscribed = !list.selection.subscribed || self.subscribed.contains(&info.name);
        let using = info.role.and_then(special_use).is_some();
        subscribed && (!list.selection.special_use || using)
    }

    fn line<'a>(&'a self, list: &List, info: &'a MailboxInfo, subscribed_child: bool) -> Line<'a> {
        let children = self
            .mailboxes
            .iter()
            .any(|other| other.name.is_below(&info.name));
        let mut attributes = vec![match children {
            true => MailboxAttribute::HasChildren,
            false => MailboxAttribute::HasNoChildren,
        }];
        let told = list
            .returns
            .as_ref()
            .is_some_and(|returns| returns.subscribed);
        if (list.selection.subscribed || told) && self.subscribed.contains(&info.name) {
            attributes.push(MailboxAttribute::Subscribed);
        }
        let using = info.role.and_then(special_use);
        attributes.extend(using.map(MailboxAttribute::Use));
        Line {
            attributes,
            name: info.name.clone(),
            subscribed_child,
            info: Some(info),
        }
    }
}
