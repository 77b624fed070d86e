//! Promises 2 and 3 under fire: SIGKILL at random moments, and not one message
//! that got 250 is lost, or doubled in a mailbox, or bounced twice.
//!
//! `ROHRPOST_TEST_KILLS` says how many kills, and with them messages: `tests/soak`
//! asks for many. `ROHRPOST_TEST_SEED` repeats the moments of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use config::Span;
use message::Randomness;
use message::time::SeededRandomness;
use serde_json::Value;
use system::{Answer, Copies, Entrance, House, Load, Plan, Remote, Stage, Tally, until_within};

/// The kills of a run, where nothing else is said.
const KILLS: usize = 24;
/// So many messages are accepted between two kills.
const BETWEEN: usize = 100;
/// After one kill in so many comes another, while the house is starting again.
const EARLY: usize = 4;
/// A recipient for whom the sender must get a failure notice: the domain takes
/// no mail.
const NOBODY: &str = "nobody@nomail.test";
/// How long the queue may take to drain after the last start.
const DRAIN: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_got_250_survives_any_number_of_kills() -> Result<()> {
    let seed = given("ROHRPOST_TEST_SEED").unwrap_or_else(fresh_seed);
    let kills = given("ROHRPOST_TEST_KILLS").map_or(KILLS, |kills| kills as usize);
    println!("seed {seed} (ROHRPOST_TEST_SEED repeats it)");
    let random = SeededRandomness::new(seed);
    let remote = Remote::start().await?;
    remote.sink.behave(moody(seed));
    let mut house = Plan::new()?.facing(&remote).with(patient).start().await?;
    let load = Load::start(entrances(&house).await?);

    for kill in 1..=kills {
        let goal = BETWEEN * kill - (random.fraction() * 60.0) as usize;
        load.reach(goal)
            .await
            .with_context(|| format!("before kill {kill}"))?;
        moment(&random, 300).await;
        house.kill().await?;
        if kill % EARLY == 0 {
            house.begin()?;
            moment(&random, 400).await;
            house.kill().await?;
        }
        house
            .resume()
            .await
            .with_context(|| format!("after kill {kill}"))?;
    }
    load.reach(BETWEEN * kills).await?;
    let tally = load.stop().await;

    until_within(DRAIN, "the queue is empty", async || {
        let queue = house.json(&["queue", "list"]).await?;
        Ok(queue.is_empty().then_some(()))
    })
    .await?;
    println!("{} kills", kills + kills / EARLY);
    account_for(&house, &remote, &tally).await?;
    ensure!(tally.count() >= BETWEEN * kills);
    print!("{}", house.tell(&["check"]).await?);
    only_orphans(&house, tally.broken()).await
}

/// Without any grace, all that the check finds are contents whose client was
/// cut off before its message was in the ledger: at most one for each.
async fn only_orphans(house: &House, broken: u64) -> Result<()> {
    let checked = house.run(&["check", "--grace", "0", "--json"], "").await?;
    let lines = String::from_utf8(checked.stdout)?;
    let lines: Vec<Value> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let findings = || lines.iter().filter(|line| line["line"] == "finding");
    let other = findings().find(|finding| finding["kind"] != "content-without-reference");
    ensure!(other.is_none(), "{other:?}");
    let orphans = findings().count();
    println!("{orphans} contents of unanswered messages wait for the sweep");
    ensure!(
        orphans as u64 <= broken,
        "{orphans} orphans of {broken} broken transactions"
    );
    Ok(())
}

/// A moment that nothing in the house is in step with.
async fn moment(random: &SeededRandomness, most_millis: u64) {
    let micros = random.fraction() * 1000.0 * most_millis as f64;
    tokio::time::sleep(Duration::from_micros(micros as u64)).await;
}

/// Every accepted number is where it belongs.
async fn account_for(house: &House, remote: &Remote, tally: &Tally) -> Result<()> {
    let addresses = house.accounts().map(|account| account.address.as_str());
    let places = [
        ("mailboxes", Copies::in_mailboxes(house, &addresses).await?),
        ("sink", Copies::at(&remote.sink)),
        ("notices", notices(house, addresses[0]).await?),
    ];
    let accepted = tally.accepted();
    println!(
        "accepted {}, refused {}, unanswered {}",
        accepted.len(),
        tally.refused(),
        tally.broken()
    );
    let mut missing = Vec::new();
    for (number, recipients) in &accepted {
        for recipient in recipients {
            if !places
                .iter()
                .any(|(_, copies)| copies.of(*number, recipient) > 0)
            {
                missing.push(format!("{number} for {recipient}"));
            }
        }
    }
    for (place, copies) in &places {
        let doubled = copies.doubled();
        println!("{place}: {}, duplicates {doubled}", copies.count());
        // RFC 5321 §6.1 allows it at the sink alone: killed before its 250 was recorded.
        ensure!(
            doubled == 0 || *place == "sink",
            "{doubled} duplicates in {place}"
        );
    }
    println!("missing {}", missing.len());
    ensure!(missing.is_empty(), "missing: {}", missing.join(", "));
    intact(house, &accepted).await
}

/// What the sender was told of: each notice returns the header of its message.
async fn notices(house: &House, sender: &str) -> Result<Copies> {
    let mut copies = Copies::default();
    for message in house.inbox(sender).await? {
        let subject = message["subject"].as_str().unwrap_or_default();
        if Load::number(subject).is_some() {
            continue;
        }
        let uid = message["uid"].to_string();
        let notice = house
            .tell(&["message", "show", sender, &uid, "--raw"])
            .await?;
        let returned = notice
            .lines()
            .filter_map(|line| line.strip_prefix("Subject: "));
        let number = returned.filter_map(Load::number).next();
        let number = number.with_context(|| format!("not a notice: {notice}"))?;
        ensure!(notice.contains("Action: failed"), "{notice}");
        copies.add(number, NOBODY);
    }
    Ok(copies)
}

/// Some of the messages, octet for octet.
async fn intact(house: &House, accepted: &BTreeMap<u64, Vec<String>>) -> Result<()> {
    let [alice, _] = house.accounts();
    let inbox = house.inbox(&alice.address).await?;
    for entry in inbox.iter().step_by(inbox.len() / 20 + 1) {
        let uid = entry["uid"].to_string();
        let octets = house
            .octets(&["message", "show", &alice.address, &uid, "--raw"])
            .await?;
        let number = entry["subject"].as_str().and_then(Load::number);
        let Some((number, to)) = number.and_then(|number| accepted.get_key_value(&number)) else {
            continue;
        };
        let content = [alice.address.as_str(), "dave@sink.test"]
            .map(|from| Load::content(*number, from, &to.join(", ")));
        let whole = content.iter().any(|content| octets.ends_with(content));
        ensure!(whole, "message {number} has changed");
    }
    Ok(())
}

/// Six clients: four as other servers to the MX port, two submitting.
async fn entrances(house: &House) -> Result<Vec<Entrance>> {
    let [alice, bob] = house.accounts().map(|account| account.address.clone());
    let remote = |name: &str| format!("{name}@sink.test");
    let incoming = Entrance {
        server: house.mx(),
        login: None,
        from: "dave@sink.test".to_owned(),
        to: vec![
            vec![alice.clone()],
            vec![bob.clone()],
            vec![alice.clone(), bob.clone()],
        ],
    };
    let password = house.accounts()[0].password.clone();
    let outgoing = Entrance {
        server: house.submission(),
        login: Some((alice.clone(), password)),
        from: alice,
        to: vec![
            vec![remote("carol")],
            vec![bob.clone(), remote("erin")],
            vec![remote("carol"), remote("frank")],
            vec![remote("carol"), NOBODY.to_owned()],
        ],
    };
    let mut entrances = vec![incoming; 3];
    entrances.extend(vec![outgoing; 3]);
    Ok(entrances)
}

/// Times short enough that nothing waits long, and that nobody gives up.
fn patient(config: &mut config::Config) {
    config.relay.give_up_after = Span::hours(1);
    config.relay.max_attempts = None;
    config.queue.max_tries = 100;
    config.relay.lease = Span::seconds(2);
    config.relay.max_retry = Span::millis(500);
}

/// A remote server that now and then refuses for a while, or hangs up after it
/// took a message.
fn moody(seed: u64) -> impl Fn(Stage, &str) -> Answer + Send + Sync {
    let random = SeededRandomness::new(!seed);
    move |stage, _| match (stage, random.fraction()) {
        (Stage::Recipient, 0.0..0.01) => Answer::reply("451 4.3.0 not now"),
        (Stage::Dot, 0.0..0.005) => Answer::HangUp,
        (Stage::Dot, 0.005..0.01) => Answer::TakeAndHangUp,
        _ => Answer::Accept,
    }
}

/// A number from the environment.
fn given(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn fresh_seed() -> u64 {
    let mut octets = [0; 8];
    getrandom::fill(&mut octets).expect("the system's random source");
    u64::from_be_bytes(octets)
}
