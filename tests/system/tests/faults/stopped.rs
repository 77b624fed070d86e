//! A process that stands still for longer than its claims and its patience, as
//! one does whose host is suspended or swaps.

use std::time::Duration;

use anyhow::{Result, ensure};
use config::Span;
use system::{Load, Plan, Remote, Signal};

use crate::account::{entrances, settle};

/// How long the process stands still: longer than all times below.
const STILL: Duration = Duration::from_secs(3);
const STOPS: usize = 3;
const MESSAGES: usize = 600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_loses_and_doubles_nothing_when_it_goes_on() -> Result<()> {
    let remote = Remote::start().await?;
    let plan = Plan::new()?.facing(&remote).with(|config| {
        config.smtp.command_timeout = Span::seconds(2);
        config.smtp.data_timeout = Span::seconds(2);
        config.relay.lease = Span::seconds(1);
        config.relay.command_timeout = Span::seconds(2);
        config.relay.max_retry = Span::millis(500);
    });
    let house = plan.start().await?;
    let load = Load::start(entrances(&house));
    for stop in 1..=STOPS {
        load.reach(MESSAGES * stop / (STOPS + 1)).await?;
        house.signal(Signal::Stop)?;
        // That time passes is the fault itself.
        tokio::time::sleep(STILL).await;
        house.signal(Signal::Continue)?;
    }
    load.reach(MESSAGES).await?;
    let tally = load.stop().await;
    let again = settle(&house, &remote, &tally).await?;
    // Nothing died, and the last reply is waited for ten minutes.
    ensure!(again == 0, "{again} relayed again");
    Ok(())
}
