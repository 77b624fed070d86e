//! Threads (RFC 5256 §4). They lie flat, because they may be as deep as the
//! mailbox has messages.

use super::output::Output;

/// Threads of messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Threads {
    /// All messages of all threads.
    pub nodes: Vec<ThreadNode>,
    /// Where threads begin.
    pub roots: Vec<usize>,
}

/// A message and what follows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThreadNode {
    /// Its number or UID; None of one that is not there but has children.
    pub number: Option<u32>,
    /// The messages that follow it, by their places; later ones than its own.
    pub children: Vec<usize>,
}

enum Step {
    Open(usize),
    Close,
}

impl Threads {
    pub(super) fn write(&self, out: &mut Output) {
        out.word("* THREAD");
        let mut steps: Vec<Step> = Vec::new();
        for (at, root) in self.roots.iter().enumerate() {
            out.word(if at == 0 { " " } else { "" });
            steps.push(Step::Open(*root));
            while let Some(step) = steps.pop() {
                match step {
                    Step::Open(node) => self.write_chain(out, node, &mut steps),
                    Step::Close => out.word(")"),
                }
            }
        }
        out.end();
    }

    /// Writes messages that follow one another, up to where they branch.
    fn write_chain(&self, out: &mut Output, mut at: usize, steps: &mut Vec<Step>) {
        out.word("(");
        while let Some(node) = self.nodes.get(at) {
            if let Some(number) = node.number {
                out.number(number);
                out.word(if node.children.is_empty() { "" } else { " " });
            }
            match node.children.as_slice() {
                [] => break,
                [only] => at = *only,
                several => {
                    steps.push(Step::Close);
                    steps.extend(several.iter().rev().map(|child| Step::Open(*child)));
                    return;
                }
            }
        }
        out.word(")");
    }
}
