//! THREAD (RFC 5256 §4): by subject and date, or by references.

use std::collections::HashMap;

use imap::ThreadAlgorithm;
use imap::response::{ThreadNode, Threads};

use super::order::Row;
use crate::imap::answer::Failure;
use crate::imap::session::Session;

impl Session {
    /// Threads of messages, named by their UIDs.
    pub(super) async fn threads(
        &mut self,
        uids: Vec<u32>,
        algorithm: ThreadAlgorithm,
    ) -> Result<Threads, Failure> {
        let mut rows = self.rows(&uids, true).await?;
        rows.sort_by_key(|row| (row.fields.date, row.uid));
        Ok(match algorithm {
            ThreadAlgorithm::OrderedSubject => by_subject(&rows),
            ThreadAlgorithm::References => by_references(&rows),
        })
    }
}

/// ORDEREDSUBJECT: the first of each subject, and all others as its children.
fn by_subject(rows: &[Row]) -> Threads {
    let mut threads = Threads::default();
    let mut firsts: HashMap<&str, usize> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        threads.nodes.push(ThreadNode {
            number: Some(row.uid),
            children: Vec::new(),
        });
        match firsts.get(row.fields.subject.as_str()) {
            Some(first) => threads.nodes[*first].children.push(at),
            None => {
                firsts.insert(&row.fields.subject, at);
                threads.roots.push(at);
            }
        }
    }
    threads
}

/// How far up a thread is followed to see that it does not bite its own tail.
const MAX_DEPTH: usize = 5_000;

/// Messages, and ids that others refer to, on their way to become threads.
struct Forest<'a> {
    /// Where a node is a message: its place among the rows.
    message: Vec<Option<usize>>,
    parent: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
    by_id: HashMap<&'a str, usize>,
    rows: &'a [Row],
}

/// REFERENCES. Rows are in the order of their dates.
fn by_references(rows: &[Row]) -> Threads {
    let mut forest = Forest {
        message: Vec::new(),
        parent: Vec::new(),
        children: Vec::new(),
        by_id: HashMap::new(),
        rows,
    };
    for at in 0..rows.len() {
        forest.add(at);
    }
    forest.prune();
    let roots = forest.roots();
    let roots = forest.gather(roots);
    forest.into_threads(roots)
}

impl<'a> Forest<'a> {
    fn node(&mut self, message: Option<usize>) -> usize {
        self.message.push(message);
        self.parent.push(None);
        self.children.push(Vec::new());
        self.message.len() - 1
    }

    fn of_id(&mut self, id: &'a str) -> usize {
        match self.by_id.get(id) {
            Some(node) => *node,
            None => {
                let node = self.node(None);
                self.by_id.insert(id, node);
                node
            }
        }
    }

    /// Step 1: a message stands below what it refers to.
    fn add(&mut self, at: usize) {
        let row = &self.rows[at];
        let id = row.fields.message_id.as_str();
        let mut node = match id {
            "" => self.node(None),
            id => self.of_id(id),
        };
        if self.message[node].is_some() {
            // The same id again: a message of its own.
            node = self.node(None);
        }
        self.message[node] = Some(at);
        let mut above = None;
        for reference in &row.fields.references {
            let next = self.of_id(reference);
            if let Some(above) = above
                && self.parent[next].is_none()
            {
                self.link(above, next);
            }
            above = Some(next);
        }
        // What the message itself says counts more than what others say of it.
        self.unlink(node);
        if let Some(above) = above {
            self.link(above, node);
        }
    }

    fn link(&mut self, parent: usize, child: usize) {
        let mut above = Some(parent);
        for _ in 0..MAX_DEPTH {
            match above {
                None => {
                    self.parent[child] = Some(parent);
                    self.children[parent].push(child);
                    return;
                }
                Some(node) if node == child => return,
                Some(node) => above = self.parent[node],
            }
        }
    }

    fn unlink(&mut self, child: usize) {
        if let Some(parent) = self.parent[child].take() {
            self.children[parent].retain(|other| *other != child);
        }
    }

    /// Step 3: ids without a message give way to their children, but for those
    /// that hold several roots together.
    fn prune(&mut self) {
        for node in self.leaves_first() {
            if self.message[node].is_some() {
                continue;
            }
            let parent = self.parent[node];
            if parent.is_none() && self.children[node].len() > 1 {
                continue;
            }
            let children = std::mem::take(&mut self.children[node]);
            self.unlink(node);
            for child in children {
                self.parent[child] = parent;
                if let Some(parent) = parent {
                    self.children[parent].push(child);
                }
            }
        }
    }

    /// All nodes, each behind its children.
    fn leaves_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.parent.len())
            .filter(|node| self.parent[*node].is_none())
            .collect();
        let mut at = 0;
        while let Some(node) = order.get(at).copied() {
            order.extend(&self.children[node]);
            at += 1;
        }
        order.reverse();
        order
    }

    fn is_empty(&self, node: usize) -> bool {
        self.message[node].is_none() && self.children[node].is_empty()
    }

    fn roots(&self) -> Vec<usize> {
        let nodes = 0..self.parent.len();
        nodes
            .filter(|node| self.parent[*node].is_none() && !self.is_empty(*node))
            .collect()
    }

    /// The message that speaks for a root: itself, or its first child.
    fn spokesman(&self, root: usize) -> Option<usize> {
        let first = || {
            self.children[root]
                .iter()
                .filter_map(|child| self.message[*child])
                .min()
        };
        self.message[root].or_else(first)
    }

    /// Steps 4 and 5: roots of one subject become one thread.
    fn gather(&mut self, mut roots: Vec<usize>) -> Vec<usize> {
        roots.sort_by_key(|root| self.spokesman(*root));
        let mut chosen: HashMap<&'a str, usize> = HashMap::new();
        for root in &roots {
            let Some(row) = self.spokesman(*root).map(|at| &self.rows[at]) else {
                continue;
            };
            if row.fields.subject.is_empty() {
                continue;
            }
            let better = chosen.get(row.fields.subject.as_str()).is_none_or(|other| {
                let dummy = self.message[*root].is_none() && self.message[*other].is_some();
                dummy || self.is_reply(*other) && !self.is_reply(*root)
            });
            if better {
                chosen.insert(&row.fields.subject, *root);
            }
        }
        let mut kept = Vec::new();
        for root in roots {
            let row = self.spokesman(root).map(|at| &self.rows[at]);
            let other = row.and_then(|row| chosen.get(row.fields.subject.as_str()).copied());
            match (row, other) {
                (Some(row), Some(other)) if other != root => {
                    if let Some(joined) = self.join(other, root) {
                        chosen.insert(&row.fields.subject, joined);
                        kept.retain(|kept| *kept != other);
                        kept.push(joined);
                    }
                }
                _ => kept.push(root),
            }
        }
        kept.retain(|root| self.parent[*root].is_none());
        kept
    }

    fn is_reply(&self, root: usize) -> bool {
        let row = self.message[root].map(|at| &self.rows[at]);
        row.is_some_and(|row| row.fields.is_reply)
    }

    /// Puts two roots of one subject together; the new root, if there is one.
    fn join(&mut self, chosen: usize, root: usize) -> Option<usize> {
        match (self.message[chosen], self.message[root]) {
            (None, None) => {
                for child in std::mem::take(&mut self.children[root]) {
                    self.adopt(chosen, child);
                }
                None
            }
            (None, Some(_)) => {
                self.adopt(chosen, root);
                None
            }
            (Some(_), _) if self.is_reply(root) && !self.is_reply(chosen) => {
                self.adopt(chosen, root);
                None
            }
            (Some(_), _) => {
                let both = self.node(None);
                self.adopt(both, chosen);
                self.adopt(both, root);
                Some(both)
            }
        }
    }

    fn adopt(&mut self, parent: usize, child: usize) {
        self.parent[child] = Some(parent);
        self.children[parent].push(child);
    }

    /// Step 6: everything in the order of its date.
    fn into_threads(mut self, mut roots: Vec<usize>) -> Threads {
        for node in 0..self.children.len() {
            let mut children = std::mem::take(&mut self.children[node]);
            children.sort_by_key(|child| self.spokesman(*child));
            self.children[node] = children;
        }
        roots.sort_by_key(|root| self.spokesman(*root));
        let numbers = self.message.iter();
        let numbers = numbers.map(|message| message.map(|at| self.rows[at].uid));
        let nodes = numbers.zip(self.children);
        Threads {
            nodes: nodes
                .map(|(number, children)| ThreadNode { number, children })
                .collect(),
            roots,
        }
    }
}
