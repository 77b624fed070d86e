//! Name servers that do not answer, then answer that they failed, then answer.

use anyhow::{Result, ensure};
use config::Span;
use system::{House, Load, Names, Plan, Remote, until};

use crate::account::settle;

/// By MX, by another domain's MX, and without one.
const RECIPIENTS: [&str; 3] = ["carol@sink.test", "erin@other.test", "frank@direct.test"];
const MESSAGES: usize = 60;

#[tokio::test]
async fn mail_waits_while_name_servers_fail_and_goes_when_they_answer() -> Result<()> {
    let mut remote = Remote::start().await?;
    remote.answer(Names::Silent).await?;
    let plan = Plan::new()?.facing(&remote).with(|config| {
        config.dns.timeout = Span::millis(200);
        config.relay.max_retry = Span::millis(500);
    });
    let house = plan.start().await?;
    let load = Load::start([entrance(&house)]);
    load.reach(MESSAGES / 2).await?;
    tried(&house, 2).await?;
    remote.answer(Names::Failing).await?;
    load.reach(MESSAGES).await?;
    let tally = load.stop().await;
    tried(&house, 4).await?;
    ensure!(remote.sink.received().is_empty(), "relayed without names");
    remote.answer(Names::Known).await?;
    let again = settle(&house, &remote, &tally).await?;
    ensure!(again == 0, "{again} relayed again");
    Ok(())
}

fn entrance(house: &House) -> system::Entrance {
    let [alice, _] = house.accounts();
    system::Entrance {
        server: house.submission(),
        login: Some((alice.address.clone(), alice.password.clone())),
        from: alice.address.clone(),
        to: RECIPIENTS.map(|to| vec![to.to_owned()]).to_vec(),
    }
}

/// Waits until a job to each destination was attempted so often.
async fn tried(house: &House, attempts: u64) -> Result<()> {
    until(&format!("{attempts} attempts have failed"), async || {
        let queue = house.json(&["queue", "list"]).await?;
        let tried = |domain: &str| {
            queue.iter().any(|item| {
                let job = &item["jobs"][0];
                job["destination"] == domain && job["attempts"].as_u64() >= Some(attempts)
            })
        };
        let domains = RECIPIENTS.map(|to| to.split_once('@').map_or(to, |(_, domain)| domain));
        Ok(domains.into_iter().all(tried).then_some(()))
    })
    .await
}
