//! What is no job ends on `mail.dead` of the broker, and there the operator finds
//! it: by number, to be looked at, given back, and settled.

use anyhow::{Result, ensure};
use servers::{Broker, NatsServer};
use system::{House, Plan, until};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

#[tokio::test]
async fn an_undecodable_job_is_the_operators() -> Result<()> {
    let nats = NatsServer::start("").await?;
    bus::init(&nats.url()).await?;
    let url = nats.url();
    let plan = Plan::new()?.with(|config| config.engines.bus = url);
    let house = plan.start().await?;
    let list = house.tell(&["dead", "list"]).await?;
    ensure!(list.contains("nothing is buried on the bus"), "{list}");

    publish(&nats, "mail.local", r#"{"v":99}"#).await?;
    let list = listed(&house, "1").await?;
    ensure!(list.contains("mail.local"), "{list}");
    let letter = house.tell(&["dead", "show", "1"]).await?;
    ensure!(letter.contains(r#"{\"v\":99}"#), "{letter}");

    // Nobody can read it still, so it is buried again.
    house.tell(&["dead", "give-back", "1"]).await?;
    listed(&house, "2").await?;
    house
        .tell(&["dead", "settle", "2", "--reason", "a test"])
        .await?;
    let list = house.tell(&["dead", "list"]).await?;
    ensure!(list.contains("nothing is buried on the bus"), "{list}");
    let gone = house.run(&["dead", "show", "2"], "").await?;
    ensure!(gone.status != Some(0), "it is forgotten");
    Ok(())
}

/// The list, as soon as it has the letter of that number.
async fn listed(house: &House, number: &str) -> Result<String> {
    until("the letter is listed", async || {
        let list = house.tell(&["dead", "list"]).await?;
        let numbers = list
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        Ok(numbers
            .into_iter()
            .any(|first| first == number)
            .then_some(list.clone()))
    })
    .await
}

/// Publishes octets as a stranger would.
async fn publish(nats: &NatsServer, subject: &str, payload: &str) -> Result<()> {
    let address = nats.url();
    let stream = TcpStream::connect(address.trim_start_matches("nats://")).await?;
    let mut stream = BufReader::new(stream);
    let size = payload.len();
    let words =
        format!("CONNECT {{\"verbose\":false}}\r\nPUB {subject} {size}\r\n{payload}\r\nPING\r\n");
    stream.write_all(words.as_bytes()).await?;
    let mut line = String::new();
    while line.trim_end() != "PONG" {
        line.clear();
        ensure!(stream.read_line(&mut line).await? > 0, "the server hung up");
    }
    Ok(())
}
