//! The memory watermark: the server is asked once a second how much of its
//! `maxmemory` it uses.
//!
//! Beyond the watermark acceptance stops, so that there is room for what must go
//! on (claims, results, notices); at `maxmemory` itself the server refuses every
//! function that is not flagged `allow-oom`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::connection::Link;
use super::settings::Info;

/// The part of `maxmemory` beyond which acceptance stops, in percent.
const WATERMARK: u64 = 80;

const INTERVAL: Duration = Duration::from_secs(1);

/// Keeps the link's flag true to the server until the store is dropped.
pub(super) fn watch(link: &Link) {
    let flag = Arc::downgrade(link.memory_flag());
    let observer = link.observer();
    tokio::spawn(async move {
        while let Some(flag) = flag.upgrade() {
            // While the server is away nothing is accepted anyway.
            if let Ok(info) = observer.info("memory").await {
                let short = is_short(&info);
                if short != flag.swap(short, Ordering::Relaxed) {
                    tell(short);
                }
            }
            drop(flag);
            tokio::time::sleep(INTERVAL).await;
        }
    });
}

fn is_short(info: &Info) -> bool {
    let limit = info.number("maxmemory").unwrap_or(0);
    let used = info.number("used_memory").unwrap_or(0);
    limit > 0 && used > limit / 100 * WATERMARK
}

fn tell(short: bool) {
    if short {
        tracing::warn!(
            "Redis uses more than {WATERMARK} % of its maxmemory: no more mail is accepted \
             until some is delivered, or maxmemory raised"
        );
    } else {
        tracing::info!("Redis has memory again: mail is accepted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_is_at_80_percent_of_maxmemory() {
        for (text, short) in [
            ("used_memory:8001\r\nmaxmemory:10000\r\n", true),
            ("used_memory:8000\r\nmaxmemory:10000\r\n", false),
            ("used_memory:8001\r\nmaxmemory:0\r\n", false),
            ("", false),
        ] {
            assert_eq!(is_short(&Info::read(text)), short, "{text}");
        }
    }
}
