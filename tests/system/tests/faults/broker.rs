//! The broker is away: mail is accepted and waits in the ledger, until the
//! feeder can publish it.

use anyhow::{Context, Result, ensure};
use system::{Broker, Client, Copies, Load, Plan, Remote, Server};

const CAROL: &str = "carol@sink.test";
/// What the ledger may hold here.
const BACKLOG: u64 = 10;

async fn mail_waits_for(broker: Broker) -> Result<()> {
    let remote = Remote::start().await?;
    let plan = Plan::new()?.facing(&remote).over(broker);
    let plan = plan.with(|config| config.queue.backlog = BACKLOG);
    let mut house = plan.start().await?;
    let [alice, bob] = house.accounts().map(|account| account.address.clone());
    let mut client = house.submit_as(house.accounts()[0]).await?;

    house.kill_server(Server::Broker)?;
    for number in 0..BACKLOG {
        submit(&mut client, number, &alice, &[CAROL, &bob]).await?;
    }
    let refused = submit(&mut client, BACKLOG, &alice, &[&bob]).await;
    let refused = refused.err().context("accepted beyond the backlog")?;
    ensure!(refused.to_string().contains("452 4.3.1"), "{refused}");
    let queue = house.json(&["queue", "list"]).await?;
    ensure!(queue.len() == BACKLOG as usize, "{queue:?}");

    house.resume_server(Server::Broker).await?;
    house.wait_until_settled().await?;
    submit(&mut client, BACKLOG, &alice, &[&bob]).await?;
    house.wait_until_settled().await?;
    let local = Copies::in_mailboxes(&house, &[&bob]).await?;
    let relayed = Copies::at(&remote.sink);
    for number in 0..BACKLOG {
        let copies = (local.of(number, &bob), relayed.of(number, CAROL));
        ensure!(copies == (1, 1), "message {number}: {copies:?}");
    }
    ensure!(local.count() == BACKLOG as usize + 1, "{}", local.count());
    Ok(())
}

async fn submit(client: &mut Client, number: u64, from: &str, to: &[&str]) -> Result<()> {
    let content = Load::content(number, from, to[0]);
    client.mail(from, to, &content).await.map(drop)
}

#[tokio::test]
async fn while_nats_is_away_mail_is_accepted_up_to_the_backlog() -> Result<()> {
    mail_waits_for(Broker::Nats).await
}

#[tokio::test]
async fn while_rabbitmq_is_away_mail_is_accepted_up_to_the_backlog() -> Result<()> {
    mail_waits_for(Broker::RabbitMq).await
}
