//! Latencies and their percentiles.

use std::time::Duration;

use serde::Serialize;

/// Latencies of one kind, in no order.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

/// Percentiles in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Percentiles {
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn percentiles(mut self) -> Percentiles {
        self.0.sort_unstable();
        let at = |percent: usize| {
            let last = self.0.len().saturating_sub(1);
            let latency = self
                .0
                .get(last * percent / 100)
                .copied()
                .unwrap_or_default();
            (latency.as_secs_f64() * 1e6).round() / 1e3
        };
        Percentiles {
            p50_ms: at(50),
            p95_ms: at(95),
            p99_ms: at(99),
            max_ms: at(100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_latencies() {
        let mut latencies = Latencies::default();
        (1..=100)
            .rev()
            .for_each(|ms| latencies.add(Duration::from_millis(ms)));
        let percentiles = latencies.percentiles();
        assert_eq!((percentiles.p50_ms, percentiles.max_ms), (50.0, 100.0));
    }
}
