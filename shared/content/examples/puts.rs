//! Measures how many contents of 10 KiB per second 64 concurrent writers make
//! durable: `cargo run --release -p content --example puts -- URL`, such as
//! `file:///tmp/puts` or `s3://bucket/puts?endpoint=…`.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use content::{ContentStore, ContentUrl, Error, Settings, Trailer, connect};
use message::MessageId;
use message::time::{ManualClock, SeededRandomness};
use tokio::task::JoinSet;

const WRITERS: usize = 64;
const OCTETS: usize = 10 * 1024;
const SPAN: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("a URL is needed")?;
    let url: ContentUrl = url.parse()?;
    let settings = Settings::new(
        Some("puts".parse()?),
        Arc::new(ManualClock::at("2026-11-23T15:05:00Z")),
        Arc::new(SeededRandomness::new(std::process::id().into())),
    );
    let store = connect(&url, settings).await?;
    let puts = Arc::new(AtomicU64::new(0));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (store, puts) = (Arc::clone(&store), Arc::clone(&puts));
        writers.spawn(async move { write_on(&*store, &puts).await });
    }
    if let Ok(Some(ended)) = tokio::time::timeout(SPAN, writers.join_next()).await {
        ended??;
    }
    let puts = puts.load(Ordering::Relaxed);
    println!("{} puts/s", puts / SPAN.as_secs());
    Ok(())
}

async fn write_on(store: &dyn ContentStore, puts: &AtomicU64) -> Result<Infallible, Error> {
    let prefix = Bytes::from_static(b"Received: by puts\r\n");
    let trailer = Trailer {
        message: MessageId::from_bits(1),
        prefix,
        envelope: None,
    };
    loop {
        let mut writer = store.create().await?;
        writer.write(&[b'x'; OCTETS]).await?;
        writer.finish(trailer.clone()).await?;
        puts.fetch_add(1, Ordering::Relaxed);
    }
}
