//! A disk that is full, to the reserve and to the last octet, or read-only.

use anyhow::{Result, ensure};
use config::{Size, Span};
use system::{Disk, House, Load, Plan, Remote, until};

use crate::account::{entrances, settle};

/// The journal's two files, the database, and room for some thousand messages.
const DISK_MIB: u64 = 160;
const MIN_FREE_MIB: u64 = 24;
const MESSAGES: usize = 200;

/// A disk, unless the tests run where they must not mount one.
fn disk() -> Result<Option<Disk>> {
    let disk = Disk::mount(DISK_MIB)?;
    if disk.is_none() {
        println!("SKIPPED: only root may mount the disk that this test fills");
    }
    Ok(disk)
}

/// What a client is told who sends one message.
async fn told(house: &House) -> Result<String> {
    let [alice, bob] = house.accounts();
    let content = Load::content(1 << 40, &alice.address, &bob.address);
    let mut client = house.submit_as(alice).await?;
    Ok(
        match client
            .transact(&alice.address, &[&bob.address], &content)
            .await
        {
            Ok(reply) => reply.to_string(),
            Err(refused) => refused.to_string(),
        },
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beneath_the_reserve_nothing_is_accepted_and_all_else_goes_on() -> Result<()> {
    let Some(disk) = disk()? else { return Ok(()) };
    let mut remote = Remote::silent().await?;
    let plan = Plan::new()?.facing(&remote).on(&disk).with(|config| {
        config.server.min_free = Size::mib(MIN_FREE_MIB);
    });
    let house = plan.start().await?;
    let load = Load::start(entrances(&house));
    load.reach(MESSAGES).await?;
    disk.fill((MIN_FREE_MIB << 20) / 2)?;
    let reply = told(&house).await?;
    ensure!(reply.contains("452 4.3.1"), "{reply}");
    let before = load.tally().count();

    // What is accepted leaves while nothing comes in.
    remote.sink.resume().await?;
    house.wait_until_settled().await?;
    let reply = told(&house).await?;
    ensure!(reply.contains("452 4.3.1"), "{reply}");
    ensure!(load.tally().count() == before, "accepted on a full disk");

    disk.empty()?;
    load.reach(before + MESSAGES).await?;
    let tally = load.stop().await;
    let again = settle(&house, &remote, &tally).await?;
    ensure!(again == 0, "{again} relayed again");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_full_to_the_last_octet_loses_nothing() -> Result<()> {
    let Some(disk) = disk()? else { return Ok(()) };
    let remote = Remote::start().await?;
    let plan = Plan::new()?.facing(&remote).on(&disk).with(|config| {
        config.server.min_free = Size::mib(0);
        config.relay.lease = Span::seconds(2);
    });
    let mut house = plan.start().await?;
    let load = Load::start(entrances(&house));
    load.reach(MESSAGES).await?;
    disk.fill(0)?;
    let failed = load.tally().broken() + load.tally().refused();
    until("clients are refused", async || {
        let now = load.tally().broken() + load.tally().refused();
        Ok((now > failed + 20).then_some(()))
    })
    .await?;
    disk.empty()?;
    // The process may have ended rather than go on with a disk that failed.
    if house.has_ended()? {
        println!("the process ended, and starts again");
        house.resume().await?;
    }
    let before = load.tally().count();
    load.reach(before + MESSAGES).await?;
    let tally = load.stop().await;
    // What the process had relayed when it ended may be relayed again.
    settle(&house, &remote, &tally).await?;
    Ok(())
}

#[tokio::test]
async fn a_disk_that_became_read_only_is_named_and_keeps_what_it_has() -> Result<()> {
    let Some(disk) = disk()? else { return Ok(()) };
    let mut remote = Remote::silent().await?;
    let plan = Plan::new()?.facing(&remote).on(&disk);
    let mut house = plan
        .with(|config| config.server.min_free = Size::mib(8))
        .start()
        .await?;
    let load = Load::start(entrances(&house));
    load.reach(MESSAGES).await?;
    house.kill().await?;
    let tally = load.stop().await;

    disk.set_read_only(true)?;
    house.begin()?;
    let status = house.end().await?;
    ensure!(!status.success(), "started on a read-only disk");
    let log = house.logged()?;
    ensure!(log.contains("Read-only file system"), "{log}");

    disk.set_read_only(false)?;
    remote.sink.resume().await?;
    house.resume().await?;
    settle(&house, &remote, &tally).await?;
    Ok(())
}
