//! Redis is away for longer than claims on jobs hold, and while notices are due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use config::Span;
use message::MessageId;
use system::{Account, Answer, Broker, Copies, House, Load, Plan, Remote, Signal, Stage, until};

use super::absence::Absence;
use super::gate::Gate;

/// Each at a domain of its own, for which nobody waits.
const CAROL: &str = "carol@sink.test";
const ERIN: &str = "erin@other.test";
const FRANK: &str = "frank@direct.test";
const NOBODY: &str = "nobody@nomail.test";

const NOTIFIER: &str = "dsn-notifier-1";

/// A server elsewhere that holds Erin's mail before its dot and Carol's behind it,
/// and defers Frank's.
struct Elsewhere {
    before: Gate,
    behind: Gate,
    frank_away: Arc<AtomicBool>,
}

impl Elsewhere {
    fn behave(remote: &Remote) -> Self {
        let (before, behind) = (Gate::default(), Gate::default());
        let frank_away = Arc::new(AtomicBool::new(true));
        let (erin, carol, away) = (before.clone(), behind.clone(), frank_away.clone());
        remote.sink.behave(move |stage, line| match stage {
            Stage::Recipient if line.contains("erin") => {
                erin.pass();
                Answer::Accept
            }
            Stage::Recipient if line.contains("frank") && away.load(Ordering::SeqCst) => {
                Answer::reply("450 4.2.1 later")
            }
            // Until hers was taken, no other mail gets here.
            Stage::Dot => {
                carol.pass();
                Answer::Accept
            }
            _ => Answer::Accept,
        });
        Self {
            before,
            behind,
            frank_away,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_outlives_its_claim_is_done_again_and_a_notice_is_made_once() -> Result<()> {
    let remote = Remote::start().await?;
    let elsewhere = Elsewhere::behave(&remote);
    let plan = Plan::new()?.facing(&remote).over(Broker::Nats);
    // A claim holds from the dot for as long as its reply may take, and a lease.
    let plan = plan.with(|config| {
        config.relay.lease = Span::seconds(3);
        config.relay.block_timeout = Span::seconds(1);
        config.relay.dot_timeout = Span::seconds(5);
        config.relay.warn_after = Span::seconds(2);
    });
    let mut house = plan.start().await?;
    let [alice, _] = house.accounts().map(Clone::clone);
    undeliverable(&mut house, &alice).await?;
    let mut client = house.submit_as(&alice).await?;
    let mut submit = async |number, to| {
        let content = Load::content(number, &alice.address, to);
        client.mail(&alice.address, &[to], &content).await
    };
    let to_carol = submit(1, CAROL).await?;
    let to_erin = submit(2, ERIN).await?;
    submit(3, FRANK).await?;
    elsewhere.before.reached().await?;
    elsewhere.behind.reached().await?;

    Absence::Killed.begin(&mut house)?;
    elsewhere.behind.open();
    house.signal_member(NOTIFIER, Signal::Continue)?;
    logged(&house, to_carol, "the results are lost").await?;
    logged(&house, to_erin, "the claim was lost").await?;
    until("the notice is put off", async || {
        let log = house.logged_by(NOTIFIER)?;
        Ok(log.contains("a job is given back").then_some(()))
    })
    .await?;

    Absence::Killed.end(&mut house).await?;
    elsewhere.before.open();
    let alice = alice.address.as_str();
    house.wait_for_mail(alice, "Undelivered").await?;
    house.wait_for_mail(alice, "Delayed").await?;
    elsewhere.frank_away.store(false, Ordering::SeqCst);
    house.wait_until_settled().await?;
    let relayed = Copies::at(&remote.sink);
    for (number, to, copies) in [(1, CAROL, 2), (2, ERIN, 1), (3, FRANK, 1)] {
        let found = relayed.of(number, to);
        ensure!(found == copies, "{to} has {found} copies");
    }
    let notices = house.inbox(alice).await?;
    ensure!(notices.len() == 2, "{notices:?}");
    Ok(())
}

/// A message that failed, and a notifier that stands still before it makes the notice.
async fn undeliverable(house: &mut House, sender: &Account) -> Result<()> {
    house.signal_member(NOTIFIER, Signal::Stop)?;
    let mut client = house.submit_as(sender).await?;
    let content = Load::content(0, &sender.address, NOBODY);
    let id = client.mail(&sender.address, &[NOBODY], &content).await?;
    let id = id.to_string();
    until("the message has failed", async || {
        let shown = house.json(&["queue", "show", &id]).await?;
        let jobs = shown.first().and_then(|item| item["jobs"].as_array());
        Ok(jobs.is_some_and(Vec::is_empty).then_some(()))
    })
    .await
}

/// Waits until a process has logged that of a message.
async fn logged(house: &House, message: MessageId, what: &str) -> Result<()> {
    let message = message.to_string();
    until(what, async || {
        let log = house.logged()?;
        let mut lines = log.lines();
        let found = lines.any(|line| line.contains(what) && line.contains(&message));
        Ok(found.then_some(()))
    })
    .await
}
