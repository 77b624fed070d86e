//! The queue at a glance: counts, rates, states and destinations.

use web_gateway::api::{Counts, DestinationLoad, Load, StateName};

use super::queue::cut;
use super::{Moment, Table, count};

/// What a look at the queue found.
pub(crate) struct Glance {
    pub(crate) moment: Moment,
    pub(crate) counts: Counts,
    pub(crate) load: Load,
}

/// A screen: how much there is, how fast it changed since `before`, and the
/// destinations for which most is waiting.
pub(crate) fn top(glance: &Glance, before: Option<&Glance>, lines: usize) -> String {
    let (moment, load) = (&glance.moment, &glance.load);
    let states = StateName::OPEN.map(|state| {
        let jobs = load.states.get(&state).copied().unwrap_or(0);
        format!("{state} {jobs}")
    });
    let mut text = format!(
        "{}   {} in the queue\n{}\n{}\n",
        moment.date(moment.now),
        count(load.messages, "message"),
        states.join("   "),
        rates(glance, before),
    );
    let topics = glance.counts.topics.iter();
    let depths: Vec<_> = topics
        .map(|depth| format!("{} {}", depth.topic, depth.waiting))
        .collect();
    if !depths.is_empty() {
        text.push_str(&format!("on topics: {}\n", depths.join("   ")));
    }
    let mut destinations: Vec<_> = load.destinations.iter().collect();
    if destinations.is_empty() {
        return text;
    }
    destinations.sort_by_key(|(name, load)| (std::cmp::Reverse(load.jobs), *name));
    let mut table = Table::new(&["DESTINATION", "JOBS", "OLDEST", "NEXT DUE", "LAST REPLY"]);
    for (destination, load) in destinations.iter().take(lines) {
        table.row(row(&destination.to_string(), load, moment));
    }
    text.push_str(&format!("\n{}\n", table.render(true)));
    let hidden = destinations.len().saturating_sub(lines) as u64;
    if hidden > 0 {
        text.push_str(&format!("and {}\n", count(hidden, "more destination")));
    }
    text
}

fn row(destination: &str, load: &DestinationLoad, moment: &Moment) -> [String; 5] {
    let due = load.next_due.map(|due| moment.distance(due));
    let reply = load.last_reply.as_ref().map(|reply| cut(&reply.text));
    [
        destination.to_owned(),
        load.jobs.to_string(),
        moment.age(load.oldest),
        due.unwrap_or_default(),
        reply.unwrap_or_default(),
    ]
}

/// How many a second since `before`; how many at all without.
fn rates(glance: &Glance, before: Option<&Glance>) -> String {
    let numbers = |counts: &Counts| {
        [
            ("accepted", counts.accepted),
            ("delivered", counts.delivered),
            ("relayed", counts.relayed),
            ("failed", counts.failed),
            ("settled", counts.settled),
        ]
    };
    let now = numbers(&glance.counts);
    let Some(before) = before else {
        return now
            .map(|(what, number)| format!("{what} {number}"))
            .join("   ");
    };
    let span = glance.moment.now.duration_since(before.moment.now);
    let seconds = span.as_secs_f64().max(0.001);
    let then = numbers(&before.counts);
    let rate = |((what, now), (_, then)): (&(&str, u64), &(&str, u64))| {
        format!("{what} {:.1}/s", now.saturating_sub(*then) as f64 / seconds)
    };
    let rates: Vec<_> = now.iter().zip(&then).map(rate).collect();
    rates.join("   ")
}
