//! An older copy of the store takes its place, or an empty one: what that lost is
//! found, delivered and confirmed, and no number is given twice.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use system::{Broker, Client, Copies, House, Load, Plan, Remote, Server, until};

const CAROL: &str = "carol@sink.test";
const DAVE: &str = "dave@sink.test";

/// By how much numbers jump.
const JUMP: u64 = 1_000_000;

const LIST: [&str; 4] = ["check", "--recover", "--grace", "0"];

/// The ids of the messages that are listed as lost.
async fn lost(house: &House) -> Result<BTreeSet<String>> {
    let mut lines = house.json(&LIST).await?;
    let summary = lines.pop().context("a summary")?;
    ensure!(summary["line"] == "summary", "{summary}");
    let ids = lines.iter().filter_map(|line| line["message"].as_str());
    Ok(ids.map(str::to_owned).collect())
}

async fn uids(house: &House, address: &str) -> Result<Vec<u64>> {
    let inbox = house.inbox(address).await?;
    let uids = inbox.iter().filter_map(|message| message["uid"].as_u64());
    Ok(uids.collect())
}

/// Exit status and output of `rohrpost check`.
async fn checked(house: &House) -> Result<(Option<i32>, String)> {
    let checked = house.run(&["check"], "").await?;
    Ok((checked.status, String::from_utf8(checked.stdout)?))
}

fn times(house: &House, words: &str) -> Result<usize> {
    Ok(house.logged()?.matches(words).count())
}

/// Kills Redis and lets it start from the copy, as an operator restores a backup
/// while the services run.
async fn restore(house: &mut House, copy: &tempfile::TempDir) -> Result<()> {
    house.kill_server(Server::Store)?;
    house.put_back_store(copy)?;
    house.resume_server(Server::Store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backup_does_not_know_is_recovered_and_confirmed() -> Result<()> {
    let remote = Remote::start().await?;
    let mut house = Plan::new()?
        .facing(&remote)
        .over(Broker::Nats)
        .start()
        .await?;
    let [alice, bob] = house.accounts().map(Clone::clone);
    let mut client = house.submit_as(&alice).await?;
    let mut submit = async |number: u64, to: &[&str]| {
        let content = Load::content(number, &alice.address, &to.join(", "));
        let id = client.mail(&alice.address, to, &content).await?;
        Ok::<_, anyhow::Error>(id.to_string())
    };
    submit(0, &[&bob.address]).await?;
    house.wait_for_mail(&bob.address, "number 0").await?;
    house.wait_until_settled().await?;
    let copy = house.copy_store()?;
    let fence = ["HGET", "m:{index}:standing", "fence"];
    let copied = house.ask_store(&fence)?;
    until(
        "processes remember a time that the copy does not know",
        async || Ok((house.ask_store(&fence)? != copied).then_some(())),
    )
    .await?;
    let local = submit(1, &[&bob.address]).await?;
    let both = submit(2, &[&bob.address, CAROL]).await?;
    let relayed = submit(3, &[CAROL]).await?;
    for subject in ["number 1", "number 2"] {
        house.wait_for_mail(&bob.address, subject).await?;
    }
    house.wait_until_settled().await?;
    let seen = uids(&house, &bob.address).await?;
    assert_eq!(lost(&house).await?, BTreeSet::new());

    restore(&mut house, &copy).await?;
    until("both routers wait for an operator", async || {
        let waits = times(&house, "the sweep waits for an operator")?;
        Ok((waits == 2).then_some(()))
    })
    .await?;
    assert_eq!(uids(&house, &bob.address).await?, seen[..1]);
    let (status, told) = checked(&house).await?;
    assert_eq!(status, Some(3), "{told}");
    ensure!(told.contains("an older copy of it is in use"), "{told}");
    let all = BTreeSet::from([&local, &both, &relayed].map(Clone::clone));
    assert_eq!(lost(&house).await?, all);
    let listed = house.tell(&LIST).await?;
    ensure!(listed.contains("3 messages"), "{listed}");
    ensure!(listed.contains("number 2"), "{listed}");

    // By id, then all that is left.
    let deliver = [&LIST[..], &["--only-here", "--deliver"]].concat();
    house.tell(&[&deliver[..], &[&local]].concat()).await?;
    house.wait_for_mail(&bob.address, "number 1").await?;
    house.tell(&[&deliver[..], &["all"]].concat()).await?;
    house.wait_for_mail(&bob.address, "number 2").await?;
    house.wait_until_settled().await?;
    assert_eq!(lost(&house).await?, BTreeSet::from([relayed]));
    let strange = house.run(&[&deliver[..], &[&local]].concat(), "").await?;
    assert_eq!(strange.status, Some(1), "{}", strange.stderr);
    let given = uids(&house, &bob.address).await?;
    assert_eq!(given.len(), 3);
    let highest = seen.iter().max().context("a message")?;
    ensure!(given[1..].iter().all(|uid| uid > highest), "{given:?}");
    ensure!(given[1] > JUMP, "{given:?}");

    let settled = house.tell(&["check", "--confirm"]).await?;
    ensure!(settled.contains("the sweep goes on"), "{settled}");
    until("the routers go on", async || {
        let go_on = times(&house, "the store is settled: the sweep goes on")?;
        Ok((go_on == 2).then_some(()))
    })
    .await?;
    let (status, told) = checked(&house).await?;
    assert_eq!(status, Some(0), "{told}");
    ensure!(told.contains("the store is settled (epoch 1)"), "{told}");
    let copies = Copies::at(&remote.sink);
    assert_eq!((copies.count(), copies.doubled()), (2, 0), "{copies:?}");
    assert_eq!(times(&house, "the sweep waits for an operator")?, 2);
    Ok(())
}

#[tokio::test]
async fn mail_outlives_the_loss_of_the_whole_store() -> Result<()> {
    let mut house = House::start().await?;
    let [alice, bob] = house.accounts().map(|account| account.address.clone());
    let mut client = Client::connect(house.mx()).await?;
    let to = [alice.as_str(), bob.as_str()];
    let content = Load::content(1, DAVE, &bob);
    let id = client.mail(DAVE, &to, &content).await?.to_string();
    house.wait_until_settled().await?;
    house.kill().await?;
    std::fs::remove_dir_all(house.data().join("store"))?;
    // It makes the domain and the two accounts anew, which get the mail back.
    house.resume().await?;
    until("the accounts are there", async || {
        let accounts = house.json(&["account", "list"]).await?;
        Ok((accounts.len() == 2).then_some(()))
    })
    .await?;
    house.tell(&["check", "--restored"]).await?;
    let (status, told) = checked(&house).await?;
    assert_eq!(status, Some(3), "{told}");

    assert_eq!(lost(&house).await?, BTreeSet::from([id.clone()]));
    let deliver = [&LIST[..], &["--deliver", &id]].concat();
    house.tell(&deliver).await?;
    for address in [&alice, &bob] {
        let octets = house.wait_for_mail(address, "number 1").await?;
        ensure!(octets.ends_with(&content), "it has changed");
        let uids = uids(&house, address).await?;
        ensure!(uids.len() == 1, "{uids:?}");
    }
    house.tell(&["check", "--confirm"]).await?;
    let (status, told) = checked(&house).await?;
    assert_eq!(status, Some(0), "{told}");
    Ok(())
}

#[tokio::test]
async fn numbers_jump_when_a_restore_is_declared() -> Result<()> {
    let house = House::start().await?;
    let [alice, _] = house.accounts().map(|account| account.address.clone());
    let mut client = Client::connect(house.mx()).await?;
    let mut send = async |number| {
        let content = Load::content(number, DAVE, &alice);
        client.mail(DAVE, &[&alice], &content).await
    };
    send(1).await?;
    house.wait_for_mail(&alice, "number 1").await?;
    house.tell(&["check", "--restored"]).await?;
    send(2).await?;
    house.wait_for_mail(&alice, "number 2").await?;
    assert_eq!(uids(&house, &alice).await?, [1, JUMP + 2]);
    Ok(())
}
