//! Times as people say them, seen from now.

use jiff::tz::TimeZone;
use message::{Clock, Timestamp};
use station::SystemClock;

/// Now, and the time zone that times are told in.
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    pub(crate) zone: TimeZone,
}

impl Moment {
    /// Now, where the operator is.
    pub(crate) fn now() -> Self {
        Self {
            now: SystemClock::new().now(),
            zone: TimeZone::system(),
        }
    }

    /// `2026-11-23 15:05:00`
    pub(crate) fn date(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string()
    }

    /// `2026-11-23 15:05:00.123`
    pub(crate) fn exact(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S%.3f")
            .to_string()
    }

    /// What the time zone is called, as it was then: `UTC`, `CET`
    pub(crate) fn zone_name(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.zone.clone())
            .strftime("%Z")
            .to_string()
    }

    /// `2026-11-23 15:05:00 (in 4 min)`, `… (2 h ago)`
    pub(crate) fn relative(&self, at: Timestamp) -> String {
        format!("{} ({})", self.date(at), self.distance(at))
    }

    /// How long ago, without more words.
    pub(crate) fn age(&self, at: Timestamp) -> String {
        span(self.now.as_second() - at.as_second())
    }

    /// `in 4 min`, `2 h ago`, `now`
    pub(crate) fn distance(&self, at: Timestamp) -> String {
        let seconds = at.as_second() - self.now.as_second();
        match seconds {
            0 => "now".to_owned(),
            1.. => format!("in {}", span(seconds)),
            _ => format!("{} ago", span(-seconds)),
        }
    }
}

/// The two largest units of a span.
fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |large: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {small_unit}"),
    };
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => two(minutes, "min", seconds % 60, "s"),
        3600..86400 => two(hours, "h", minutes % 60, "min"),
        86400.. => two(days, "d", hours % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_at_most_two_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (270, "4 min 30 s"),
            (7200, "2 h"),
            (90_061, "1 d 1 h"),
        ] {
            assert_eq!(span(seconds), expected, "{seconds}");
        }
    }
}
