//! What is true of mailboxes while SIGKILL hits those who keep them: clients append,
//! move, flag and expunge, and what they were told OK holds; what was not answered
//! happened wholly or not at all.

mod census;
mod client;
mod diary;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use census::take_census;
use client::Client;
use diary::Diary;
use message::Randomness;
use message::time::SeededRandomness;
use system::{Broker, House, Plan, until};
use tokio::task::JoinSet;

use crate::{EARLY, fresh_seed, given, kill_all, moment};

/// The kills of a run, where nothing else is said.
const KILLS: usize = 20;
/// So many commands are answered between two kills.
const BETWEEN: usize = 60;
/// So many clients of one account work at once.
const CLIENTS: u64 = 6;

/// How far the clients may go, and are.
#[derive(Debug, Default)]
struct Pace {
    answered: AtomicUsize,
    allowed: AtomicUsize,
    stopped: AtomicBool,
}

impl Pace {
    /// Whether a client must wait before its next command.
    fn waits(&self) -> bool {
        self.answered.load(Ordering::Relaxed) >= self.allowed.load(Ordering::Relaxed)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// A house whose mailboxes are worked on.
struct Siege {
    house: House,
    pace: Arc<Pace>,
    clients: JoinSet<Result<Diary>>,
    random: SeededRandomness,
}

impl Siege {
    async fn lay(plan: Plan) -> Result<Self> {
        let seed = given("ROHRPOST_TEST_SEED").unwrap_or_else(fresh_seed);
        println!("seed {seed} (ROHRPOST_TEST_SEED repeats it)");
        let house = plan.start().await?;
        let [alice, _] = house.accounts();
        client::prepare(house.imaps(), alice).await?;
        let pace = Arc::<Pace>::default();
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let random = SeededRandomness::new(seed.wrapping_add(number + 1));
            let client = Client::new(house.imaps(), alice.clone(), number, random);
            clients.spawn(client.work(Arc::clone(&pace)));
        }
        Ok(Self {
            house,
            pace,
            clients,
            random: SeededRandomness::new(seed),
        })
    }

    /// A moment that nothing in the house is in step with, after the clients have
    /// done what belongs before this kill.
    async fn before(&mut self, kill: usize) -> Result<()> {
        let most = BETWEEN * (kill + 1);
        self.pace.allowed.store(most, Ordering::Relaxed);
        let early = (self.random.fraction() * BETWEEN as f64 * 0.6) as usize;
        until("the clients have worked", async || {
            if let Some(ended) = self.clients.try_join_next() {
                ended??;
            }
            let answered = self.pace.answered.load(Ordering::Relaxed);
            Ok((answered >= BETWEEN * kill - early).then_some(()))
        })
        .await
        .with_context(|| format!("before kill {kill}"))?;
        moment(&self.random, 60).await;
        Ok(())
    }

    /// Ends the work and counts.
    async fn lift(mut self) -> Result<()> {
        self.pace.stopped.store(true, Ordering::Relaxed);
        let mut diaries = Vec::new();
        while let Some(ended) = self.clients.join_next().await {
            diaries.push(ended??);
        }
        ensure!(diaries.len() as u64 == CLIENTS);
        let [alice, _] = self.house.accounts();
        take_census(self.house.imaps(), alice, &diaries).await
    }
}

fn kills() -> usize {
    given("ROHRPOST_TEST_KILLS").map_or(KILLS, |kills| kills as usize)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mailboxes_survive_any_number_of_kills() -> Result<()> {
    let mut siege = Siege::lay(Plan::new()?).await?;
    for kill in 1..=kills() {
        siege.before(kill).await?;
        kill_all(&mut siege.house, kill, &siege.random).await?;
    }
    println!("{} kills of the whole process", kills() + kills() / EARLY);
    siege.lift().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mailboxes_in_redis_survive_kills_of_those_who_open_them() -> Result<()> {
    const VICTIM: &str = "mailbox-access-1";
    let mut siege = Siege::lay(Plan::new()?.over(Broker::Nats)).await?;
    for kill in 1..=kills() {
        siege.before(kill).await?;
        siege.house.kill_member(VICTIM).await?;
        let resumed = siege.house.resume_member(VICTIM).await;
        resumed.with_context(|| format!("after kill {kill}"))?;
    }
    println!("{} kills of {VICTIM}", kills());
    siege.lift().await
}
