//! Promises 2 and 3 under fire: SIGKILL at random moments, and not one message
//! that got 250 is lost, or doubled in a mailbox, or bounced twice.
//!
//! `ROHRPOST_TEST_KILLS` says how many kills, and with them messages: `tests/soak`
//! asks for many. `ROHRPOST_TEST_SEED` repeats the moments of a run.

mod mailboxes;
mod proof;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use config::Span;
use message::Randomness;
use message::time::SeededRandomness;
use proof::{account_for, only_orphans};
use system::{Answer, Broker, Entrance, House, Load, Plan, Remote, Server, Stage, until_within};

/// The kills of a run, where nothing else is said.
const KILLS: usize = 24;
/// So many messages are accepted between two kills.
const BETWEEN: usize = 100;
/// The kills of a run across processes, and the messages between two of them.
const FLEET_KILLS: usize = 30;
const FLEET_BETWEEN: usize = 40;
/// After one kill in so many comes another, while the house is starting again.
const EARLY: usize = 4;
/// A recipient for whom the sender must get a failure notice: the domain takes
/// no mail.
pub(crate) const NOBODY: &str = "nobody@nomail.test";
/// How long the queue may take to drain after the last start.
const DRAIN: Duration = Duration::from_secs(90);

/// A house under load, and what its moments are drawn from.
struct Siege {
    house: House,
    remote: Remote,
    load: Load,
    random: SeededRandomness,
}

impl Siege {
    async fn lay(broker: Option<Broker>) -> Result<Self> {
        let seed = given("ROHRPOST_TEST_SEED").unwrap_or_else(fresh_seed);
        println!("seed {seed} (ROHRPOST_TEST_SEED repeats it)");
        let remote = Remote::start().await?;
        remote.sink.behave(moody(seed));
        let plan = Plan::new()?.facing(&remote).with(patient);
        let plan = match broker {
            Some(broker) => plan.over(broker),
            None => plan,
        };
        let house = plan.start().await?;
        let load = Load::start(entrances(&house).await?);
        Ok(Self {
            house,
            remote,
            load,
            random: SeededRandomness::new(seed),
        })
    }

    /// A moment that nothing in the house is in step with, after the load has
    /// brought what belongs before this kill.
    async fn before(&self, kill: usize, between: usize) -> Result<()> {
        // A server that is slow to come back finds no mountain of mail.
        self.load.let_through(between * (kill + 2));
        let early = (self.random.fraction() * between as f64 * 0.6) as usize;
        let loaded = self.load.reach(between * kill - early).await;
        loaded.with_context(|| format!("before kill {kill}"))?;
        moment(&self.random, 300).await;
        Ok(())
    }

    /// Ends the load, lets the queue drain, and counts.
    async fn lift(self, expected: usize) -> Result<()> {
        self.load.let_through(usize::MAX);
        self.load.reach(expected).await?;
        let tally = self.load.stop().await;
        let drained = until_within(DRAIN, "the queue is empty", async || {
            let queue = self.house.json(&["queue", "list"]).await?;
            Ok(queue.is_empty().then_some(()))
        });
        if let Err(error) = drained.await {
            return Err(error.context(self.house.tell(&["queue", "list"]).await?));
        }
        account_for(&self.house, &self.remote, &tally).await?;
        ensure!(tally.count() >= expected);
        print!("{}", self.house.tell(&["check"]).await?);
        only_orphans(&self.house, tally.broken()).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_got_250_survives_any_number_of_kills() -> Result<()> {
    let kills = given("ROHRPOST_TEST_KILLS").map_or(KILLS, |kills| kills as usize);
    let mut siege = Siege::lay(None).await?;
    for kill in 1..=kills {
        siege.before(kill, BETWEEN).await?;
        kill_all(&mut siege.house, kill, &siege.random).await?;
    }
    println!("{} kills", kills + kills / EARLY);
    siege.lift(BETWEEN * kills).await
}

/// Kills the whole house and starts it again; now and then it is killed while it starts.
async fn kill_all(house: &mut House, kill: usize, random: &SeededRandomness) -> Result<()> {
    house.kill().await?;
    if kill.is_multiple_of(EARLY) {
        house.begin()?;
        moment(random, 400).await;
        house.kill().await?;
    }
    let resumed = house.resume().await;
    resumed.with_context(|| format!("after kill {kill}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_got_250_survives_kills_of_all_that_carries_it_over_nats() -> Result<()> {
    kill_each_in_turn(Broker::Nats).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_got_250_survives_kills_of_all_that_carries_it_over_rabbitmq() -> Result<()> {
    kill_each_in_turn(Broker::RabbitMq).await
}

/// Kills every process of the house, the broker and Redis, one at a time, round
/// after round.
async fn kill_each_in_turn(broker: Broker) -> Result<()> {
    let kills = given("ROHRPOST_TEST_KILLS").map_or(FLEET_KILLS, |kills| kills as usize);
    let mut siege = Siege::lay(Some(broker)).await?;
    let members = siege.house.members().into_iter().map(Victim::Member);
    let victims: Vec<_> = members
        .chain([
            Victim::Server(Server::Broker),
            Victim::Server(Server::Store),
        ])
        .collect();
    for (kill, victim) in (1..=kills).zip(victims.iter().cycle()) {
        siege.before(kill, FLEET_BETWEEN).await?;
        let survived = kill_and_resume(&mut siege, victim).await;
        survived.with_context(|| format!("kill {kill} of {victim:?}"))?;
    }
    println!("{kills} kills of {} victims in turn", victims.len());
    siege.lift(FLEET_BETWEEN * kills).await
}

/// What a kill hits where each service is a process of its own.
#[derive(Debug)]
enum Victim {
    Member(String),
    Server(Server),
}

async fn kill_and_resume(siege: &mut Siege, victim: &Victim) -> Result<()> {
    match victim {
        Victim::Member(name) => {
            siege.house.kill_member(name).await?;
            moment(&siege.random, 500).await;
            siege.house.resume_member(name).await
        }
        Victim::Server(server) => {
            siege.house.kill_server(*server)?;
            moment(&siege.random, 1000).await;
            siege.house.resume_server(*server).await
        }
    }
}

/// A while of no particular length.
async fn moment(random: &SeededRandomness, most_millis: u64) {
    let micros = random.fraction() * 1000.0 * most_millis as f64;
    tokio::time::sleep(Duration::from_micros(micros as u64)).await;
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
    // The job of a relay that was killed at the final dot rests for as long as
    // the reply might have taken.
    config.relay.block_timeout = Span::seconds(5);
    config.relay.dot_timeout = Span::seconds(5);
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
