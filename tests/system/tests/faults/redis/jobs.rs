//! Jobs that are about to be done when Redis goes: they are given back, and no try
//! is counted.

use anyhow::{Result, ensure};
use system::{Broker, Copies, House, Load, Plan, Signal, until};

use super::absence::Absence;

const ROUTERS: [&str; 2] = ["router-1", "router-2"];
const DELIVERY: &str = "local-delivery-1";

#[tokio::test]
async fn jobs_are_given_back_and_done_once_it_is_back() -> Result<()> {
    // A job whose try is counted would be dead.
    let plan = Plan::new()?.with(|config| config.queue.max_tries = 1);
    let mut house = plan.over(Broker::Nats).start().await?;
    let [alice, bob] = house.accounts().map(Clone::clone);
    let mut client = house.submit_as(&alice).await?;
    let mut submit = async |number| {
        let content = Load::content(number, &alice.address, &bob.address);
        let to = [bob.address.as_str()];
        client.mail(&alice.address, &to, &content).await
    };
    house.signal_member(DELIVERY, Signal::Stop)?;
    let routed = submit(0).await?.to_string();
    until("the message is routed", async || {
        let shown = house.json(&["queue", "show", &routed]).await?;
        let job = shown.first().map(|item| &item["jobs"][0]["destination"]);
        Ok(job.filter(|job| *job == "local").map(drop))
    })
    .await?;
    for router in ROUTERS {
        house.signal_member(router, Signal::Stop)?;
    }
    submit(1).await?;

    Absence::Killed.begin(&mut house)?;
    for process in ROUTERS.into_iter().chain([DELIVERY]) {
        house.signal_member(process, Signal::Continue)?;
    }
    given_back(&house, &[DELIVERY]).await?;
    given_back(&house, &ROUTERS).await?;

    Absence::Killed.end(&mut house).await?;
    house.wait_until_settled().await?;
    let copies = Copies::in_mailboxes(&house, &[&bob.address]).await?;
    for number in [0, 1] {
        let found = copies.of(number, &bob.address);
        ensure!(found == 1, "message {number}: {found} copies");
    }
    Ok(())
}

/// Waits until one of these processes has given a job back.
async fn given_back(house: &House, processes: &[&str]) -> Result<()> {
    until("a job is given back", async || {
        for process in processes {
            let log = house.logged_by(process)?;
            if log.contains("a job is given back") {
                return Ok(Some(()));
            }
        }
        Ok(None)
    })
    .await
}
