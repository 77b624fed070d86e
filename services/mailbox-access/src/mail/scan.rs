//! Finding the parts of a message (RFC 2046) while its octets pass by: where
//! each begins and ends, and its header. A message that breaks off ends its
//! parts; one with too many, or too deep, has text in place of the rest.

use super::header::MimeHeader;

/// The most parts that are told apart.
const MAX_PARTS: usize = 1_000;

/// How deep parts may lie within one another.
const MAX_DEPTH: usize = 50;

/// The longest header of a part that is read.
const MAX_HEADER: usize = 256 * 1024;

/// How much of a line is looked at for a boundary.
const MAX_BOUNDARY: usize = 256;

/// A message or a part of one.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) header_start: u64,
    /// Where its header ends, and its body begins.
    pub(super) body_start: u64,
    pub(super) body_end: u64,
    /// Line ends in its body.
    pub(super) lines: u32,
    /// Its header, as far as it is read.
    pub(super) header: Vec<u8>,
    pub(super) mime: MimeHeader,
    pub(super) inside: Inside,
    /// Its parts, or the message that it holds.
    pub(super) children: Vec<usize>,
}

/// What a body holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Inside {
    /// Octets.
    #[default]
    Octets,
    /// Parts between lines of this boundary.
    Parts(Vec<u8>),
    /// A message.
    Message,
}

/// Looks at a message line by line.
#[derive(Debug)]
pub(super) struct Scanner {
    nodes: Vec<Node>,
    /// The parts that the current line is in, from the message on.
    open: Vec<usize>,
    /// Whether the innermost is in its header.
    in_header: bool,
    offset: u64,
    line_start: u64,
    /// The beginning of the current line; all of it in a header.
    line: Vec<u8>,
    /// Whether what came last of it is CR.
    cr: bool,
    /// The length of the line end before the current line.
    end_before: u64,
}

impl Scanner {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
            open: vec![0],
            in_header: true,
            offset: 0,
            line_start: 0,
            line: Vec::new(),
            cr: false,
            end_before: 0,
        }
    }

    /// Takes the next octets.
    pub(super) fn feed(&mut self, mut octets: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', octets) {
            self.keep(&octets[..end]);
            self.offset += 1;
            self.end_line(true);
            octets = &octets[end + 1..];
        }
        self.keep(octets);
    }

    /// The message's parts, the message itself first.
    pub(super) fn finish(mut self) -> Vec<Node> {
        if self.line_start < self.offset {
            self.end_line(false);
        }
        if self.in_header {
            self.end_header(true);
        }
        while let Some(at) = self.open.pop() {
            self.nodes[at].body_end = self.offset;
        }
        self.nodes
    }

    /// Keeps the beginning of a line.
    fn keep(&mut self, octets: &[u8]) {
        self.offset += octets.len() as u64;
        if let Some(last) = octets.last() {
            self.cr = *last == b'\r';
        }
        let limit = match self.in_header {
            true => MAX_HEADER,
            false => MAX_BOUNDARY,
        };
        let room = limit.saturating_sub(self.line.len()).min(octets.len());
        self.line.extend_from_slice(&octets[..room]);
    }

    fn end_line(&mut self, ended: bool) {
        let mut line = std::mem::take(&mut self.line);
        let text = line.strip_suffix(b"\r").unwrap_or(&line);
        match self.boundary(text) {
            Some((depth, last)) => self.delimit(depth, last),
            None if self.in_header => {
                let empty = text.is_empty();
                if ended {
                    line.push(b'\n');
                }
                let node = self.innermost();
                let room = MAX_HEADER.saturating_sub(node.header.len());
                node.header.extend_from_slice(&line[..line.len().min(room)]);
                if empty && ended {
                    self.end_header(false);
                }
            }
            None => {
                let node = self.innermost();
                node.lines = node.lines.saturating_add(u32::from(ended));
            }
        }
        let cr = std::mem::take(&mut self.cr);
        self.end_before = u64::from(ended) + u64::from(ended && cr);
        self.line_start = self.offset;
        // The same memory for the next line.
        line.clear();
        self.line = line;
    }

    fn innermost(&mut self) -> &mut Node {
        // The message itself is never closed before the end.
        let at = self.open.last().copied().unwrap_or(0);
        &mut self.nodes[at]
    }

    /// Whose boundary a line is, and whether it is the last one.
    fn boundary(&self, text: &[u8]) -> Option<(usize, bool)> {
        let text = text.strip_prefix(b"--")?;
        self.open.iter().enumerate().rev().find_map(|(depth, at)| {
            let Inside::Parts(boundary) = &self.nodes[*at].inside else {
                return None;
            };
            let rest = text.strip_prefix(boundary.as_slice())?;
            let (rest, last) = match rest.strip_prefix(b"--") {
                Some(rest) => (rest, true),
                None => (rest, false),
            };
            let padding = rest.iter().all(|b| matches!(b, b' ' | b'\t'));
            padding.then_some((depth, last))
        })
    }

    /// A boundary line of the multipart at `depth`: what is within it ends, and
    /// unless it is the last one a part begins.
    fn delimit(&mut self, depth: usize, last: bool) {
        let end = self.line_start.saturating_sub(self.end_before);
        if self.in_header && self.open.len() > depth + 1 {
            self.end_header(true);
        }
        self.in_header = false;
        while self.open.len() > depth + 1 {
            let Some(at) = self.open.pop() else { break };
            let node = &mut self.nodes[at];
            node.body_end = end.max(node.body_start);
            // The line end before the boundary is the boundary's.
            node.lines = node.lines.saturating_sub(1);
        }
        if !last && self.nodes.len() < MAX_PARTS {
            self.begin(self.offset);
        }
    }

    /// Begins a part of the innermost one.
    fn begin(&mut self, header_start: u64) {
        let at = self.nodes.len();
        self.innermost().children.push(at);
        self.nodes.push(Node {
            header_start,
            body_start: header_start,
            ..Node::default()
        });
        self.open.push(at);
        self.in_header = true;
    }

    /// The innermost header has ended, or was broken off before the current line.
    fn end_header(&mut self, broken: bool) {
        let start = match broken {
            true => self.line_start.min(self.offset),
            false => self.offset,
        };
        let digest = self.is_in_digest();
        let deep = self.open.len() >= MAX_DEPTH || self.nodes.len() >= MAX_PARTS;
        let node = self.innermost();
        node.body_start = start.max(node.header_start);
        node.mime = MimeHeader::read(&node.header, digest);
        if !deep && !broken {
            node.inside = node.mime.inside();
        }
        self.in_header = false;
        if self.innermost().inside == Inside::Message {
            self.begin(start);
        }
    }

    /// Whether the innermost part is a message unless it says otherwise
    /// (RFC 2046 §5.1.5).
    fn is_in_digest(&self) -> bool {
        let parent = self.open.len().checked_sub(2).map(|at| self.open[at]);
        parent.is_some_and(|at| {
            let parent = &self.nodes[at];
            matches!(parent.inside, Inside::Parts(_)) && parent.mime.is("multipart", "digest")
        })
    }
}
