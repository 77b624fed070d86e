//! `rohrpost trace --tree`: a trace as a tree of spans, with a bar for when each
//! of them ran.

use std::collections::BTreeMap;

use message::{MessageId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Moment, count};

/// A span as the trace store tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) service: String,
    pub(crate) name: String,
    /// In microseconds since 1970.
    pub(crate) start: u64,
    /// In microseconds.
    pub(crate) duration: u64,
    /// The traces it is linked to.
    pub(crate) links: Vec<String>,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// How many columns the time of the whole trace takes.
const BAR: u64 = 28;
/// Text from outside is cut here.
const LONGEST: usize = 60;

/// What is told of a span besides its time, the most telling first.
const TOLD: [&str; 6] = [
    "rohrpost.destination",
    "server.address",
    "rohrpost.smtp.reply.code",
    "rohrpost.outcome",
    "rohrpost.notice.kind",
    "error.type",
];

/// The whole tree, or where spans are missing, all of its parts.
pub(crate) fn tree(message: MessageId, spans: &[Span], moment: &Moment) -> String {
    let begin = spans.iter().map(|span| span.start).min().unwrap_or(0);
    let end = spans.iter().map(|span| span.start + span.duration).max();
    let whole = end.unwrap_or(0).saturating_sub(begin).max(1);
    let known = |id: &Option<String>| spans.iter().any(|span| Some(&span.id) == id.as_ref());
    let mut roots: Vec<_> = spans.iter().filter(|span| !known(&span.parent)).collect();
    roots.sort_by_key(|span| span.start);

    let mut lines = Vec::new();
    for root in roots {
        let orphan = if root.parent.is_some() { "… " } else { "" };
        descend(spans, root, orphan.to_owned(), String::new(), &mut lines);
    }
    let widths = Widths::of(&lines);
    let at = Timestamp::from_microsecond(i64::try_from(begin).unwrap_or(0)).unwrap_or_default();
    let mut text = format!(
        "trace {message}: {} in {}, from {}\n\n",
        count(spans.len() as u64, "span"),
        duration(whole),
        moment.exact(at),
    );
    for line in &lines {
        text.push_str(line.draw(&widths, begin, whole).trim_end());
        text.push('\n');
    }
    text
}

/// A span, and what stands before its name.
struct Line<'a> {
    twig: String,
    span: &'a Span,
}

struct Widths {
    name: usize,
    service: usize,
}

impl Widths {
    fn of(lines: &[Line<'_>]) -> Self {
        let longest = |width: &dyn Fn(&Line<'_>) -> usize| lines.iter().map(width).max();
        Self {
            name: longest(&|line| line.name().chars().count()).unwrap_or(0),
            service: longest(&|line| plain(&line.span.service).chars().count()).unwrap_or(0),
        }
    }
}

/// Puts a span and all below it in lines, in the order in which they began.
fn descend<'a>(
    spans: &'a [Span],
    span: &'a Span,
    twig: String,
    indent: String,
    lines: &mut Vec<Line<'a>>,
) {
    lines.push(Line { twig, span });
    // A trace store that repeats itself must not lead us around in circles.
    if lines.len() > spans.len() {
        return;
    }
    let mut below: Vec<_> = spans
        .iter()
        .filter(|each| each.parent.as_ref() == Some(&span.id))
        .collect();
    below.sort_by_key(|each| each.start);
    let last = below.len().saturating_sub(1);
    for (i, each) in below.into_iter().enumerate() {
        let (twig, deeper) = if i == last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        descend(
            spans,
            each,
            format!("{indent}{twig}"),
            format!("{indent}{deeper}"),
            lines,
        );
    }
}

impl Line<'_> {
    fn name(&self) -> String {
        format!("{}{}", self.twig, plain(&self.span.name))
    }

    fn draw(&self, widths: &Widths, begin: u64, whole: u64) -> String {
        let (name, service) = (self.name(), plain(&self.span.service));
        let Widths {
            name: wide,
            service: broad,
        } = widths;
        let time = duration(self.span.duration);
        let bar = self.bar(begin, whole);
        let notes = self.notes();
        format!("{name:<wide$}  {service:<broad$}  {time:>9}  {bar}  {notes}")
    }

    /// Blank until the span begins, then at least one mark.
    fn bar(&self, begin: u64, whole: u64) -> String {
        let column = |time: u64| time.saturating_sub(begin).saturating_mul(BAR) / whole;
        let from = column(self.span.start).min(BAR - 1);
        let to = column(self.span.start + self.span.duration).clamp(from + 1, BAR);
        let repeated = |what: &str, times: u64| what.repeat(usize::try_from(times).unwrap_or(0));
        let mut bar = repeated(" ", from);
        bar.push_str(&repeated("▇", to - from));
        bar.push_str(&repeated(" ", BAR - to));
        bar
    }

    fn notes(&self) -> String {
        let told = TOLD.iter().filter_map(|key| self.span.attributes.get(*key));
        let mut notes: Vec<_> = told.map(|text| plain(text)).collect();
        let links = self.span.links.iter();
        notes.extend(links.map(|link| format!("linked to {}", plain(link))));
        notes.dedup();
        notes.join(" ")
    }
}

/// Microseconds in the unit that people read.
fn duration(micros: u64) -> String {
    let of = |unit: u64| micros as f64 / unit as f64;
    match micros {
        0..1_000_000 => format!("{:.1} ms", of(1000)),
        1_000_000..60_000_000 => format!("{:.2} s", of(1_000_000)),
        60_000_000..3_600_000_000 => format!("{:.1} min", of(60_000_000)),
        _longer => format!("{:.1} h", of(3_600_000_000)),
    }
}

/// Text that may come from elsewhere, as a terminal may have it.
fn plain(text: &str) -> String {
    let short = text.chars().take(LONGEST);
    short
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: &str, parent: Option<&str>, times: (u64, u64)) -> Span {
        Span {
            id: id.to_owned(),
            parent: parent.map(str::to_owned),
            service: "router".to_owned(),
            name: format!("step {id}"),
            start: times.0,
            duration: times.1,
            links: Vec::new(),
            attributes: BTreeMap::new(),
        }
    }

    #[test]
    fn a_circle_of_spans_ends() {
        let moment = Moment::now();
        let message = MessageId::from_bits(7);
        let circle = [span("a", Some("b"), (0, 1)), span("b", Some("a"), (0, 1))];
        assert!(tree(message, &circle, &moment).contains("2 spans"));
        let own = [span("a", None, (0, 1)), span("a", Some("a"), (0, 1))];
        tree(message, &own, &moment);
        tree(message, &[], &moment);
    }

    #[test]
    fn a_bar_shows_when_a_span_ran() {
        let check = |times, expected: &str| {
            let line = Line {
                twig: String::new(),
                span: &span("a", None, times),
            };
            assert_eq!(line.bar(0, 28).trim_end(), expected);
        };
        check((0, 28), &"▇".repeat(28));
        check((0, 0), "▇");
        check((27, 0), &format!("{}▇", " ".repeat(27)));
        check((28, 0), &format!("{}▇", " ".repeat(27)));
        check((2, 3), "  ▇▇▇");
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(plain("a\x1b[2Jb"), "a\u{fffd}[2Jb");
        assert_eq!(plain(&"x".repeat(100)).len(), LONGEST);
    }
}
