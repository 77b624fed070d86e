//! Whoever guesses passwords at one port is refused at every other, whether one
//! process is behind them or several.

use std::net::SocketAddr;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use system::{Account, Broker, Client, DEADLINE, Plan};
use tokio::process::Command;
use tokio::time::timeout;

/// How many guesses are allowed.
const LIMIT: u32 = 3;

/// What curl's exit status is where a login was denied, by the server's word.
const DENIED: i32 = 67;

/// Logs in by curl with a password, from an address of this machine.
async fn curl(scheme: &str, port: SocketAddr, from: &str, who: &Account) -> Result<i32> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--insecure", "--interface", from])
        .args(["--user", &format!("{}:{}", who.address, who.password)])
        .arg(format!("{scheme}://{port}/"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    let status = timeout(DEADLINE, curl.status()).await;
    let status = status.context("curl takes too long")??;
    status.code().context("curl was killed")
}

async fn guesses_are_counted_together(plan: Plan) -> Result<()> {
    let plan = plan.with(|config| config.smtp.max_auth_failures_per_address = LIMIT);
    let house = plan.start().await?;
    let [alice, bob] = house.accounts();
    house.submit_as(alice).await?;
    for guess in ["123456", "password", "rohrpost"] {
        let guess = Account {
            password: guess.to_owned(),
            ..bob.clone()
        };
        let ended = curl("imaps", house.imaps(), "127.0.0.1", &guess).await?;
        ensure!(ended == DENIED, "curl ended with {ended}");
    }
    let mut client = Client::tls(house.submissions()).await?;
    client.expect("EHLO client.test", 250).await?;
    let login = Client::plain(&alice.address, &alice.password);
    client.expect(&login, 421).await?;
    let ended = curl("pop3s", house.pop3s(), "127.0.0.1", alice).await?;
    ensure!(ended == DENIED, "curl ended with {ended}");
    // Others are not, nor is whoever was guessed at.
    for who in [alice, bob] {
        let ended = curl("pop3s", house.pop3s(), "127.0.0.2", who).await?;
        ensure!(ended == 0, "curl ended with {ended}");
    }
    Ok(())
}

#[tokio::test]
async fn at_one_process() -> Result<()> {
    guesses_are_counted_together(Plan::new()?).await
}

#[tokio::test]
async fn at_processes_over_redis() -> Result<()> {
    guesses_are_counted_together(Plan::new()?.over(Broker::Nats)).await
}
