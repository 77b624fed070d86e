//! Redis is away for a while. Each row of the table "While Redis is away" in
//! docs/operator.md is looked at, then what happens when it is back.

mod absence;
mod claims;
mod gate;
mod jobs;
mod mailboxes;
mod readers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use config::Span;
use system::{Answer, Broker, Client, Copies, House, Load, Plan, Remote, Reply, Stage, until};
use tokio::time::timeout;

use absence::{Absence, probe};
use gate::Gate;
use readers::{Readers, login};

const CAROL: &str = "carol@sink.test";
const ERIN: &str = "erin@sink.test";
const DAVE: &str = "dave@sink.test";

/// How long anybody waits for an answer while Redis is away.
const PROMPT: Duration = Duration::from_secs(10);

/// The most warnings and errors that a process may log for an outage, however many
/// clients it refuses.
const LINES: usize = 3;

/// A process that is killed and cannot start while Redis is away.
const VICTIM: &str = "local-delivery-1";

/// A server elsewhere that says nothing at the dot at first, and defers Erin while
/// she is away.
struct Elsewhere {
    dot: Gate,
    erin_away: Arc<AtomicBool>,
}

impl Elsewhere {
    fn behave(remote: &Remote) -> Self {
        let dot = Gate::default();
        let erin_away = Arc::new(AtomicBool::new(true));
        let (held, away) = (dot.clone(), erin_away.clone());
        remote.sink.behave(move |stage, line| match stage {
            Stage::Recipient if line.contains("erin") && away.load(Ordering::SeqCst) => {
                Answer::reply("450 4.2.1 later")
            }
            Stage::Dot => {
                held.pass();
                Answer::Accept
            }
            _ => Answer::Accept,
        });
        Self { dot, erin_away }
    }
}

/// Sessions that were open when Redis went.
struct Open {
    /// At the MX port, before MAIL.
    idle: Client,
    /// After DATA was allowed.
    sending: Client,
    /// Before AUTH.
    stranger: Client,
    readers: Readers,
}

impl Open {
    async fn before(house: &House) -> Result<Self> {
        let [alice, bob] = house.accounts();
        let mut sending = house.submit_as(alice).await?;
        let mail = format!("MAIL FROM:<{}>", alice.address);
        sending.expect(&mail, 250).await?;
        let rcpt = format!("RCPT TO:<{}>", bob.address);
        sending.expect(&rcpt, 250).await?;
        sending.expect("DATA", 354).await?;
        let mut stranger = Client::connect(house.submission()).await?;
        stranger.expect("STARTTLS", 220).await?;
        let mut stranger = stranger.secure().await?;
        stranger.expect("EHLO client.test", 250).await?;
        Ok(Self {
            idle: Client::connect(house.mx()).await?,
            sending,
            stranger,
            readers: Readers::open(house, bob).await?,
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_redis_is_away_each_use_does_what_the_table_says() -> Result<()> {
    each_use_does_what_the_table_says(Absence::Killed).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_redis_hangs_each_use_does_what_the_table_says() -> Result<()> {
    each_use_does_what_the_table_says(Absence::Hung).await
}

async fn each_use_does_what_the_table_says(absence: Absence) -> Result<()> {
    let remote = Remote::start().await?;
    let elsewhere = Elsewhere::behave(&remote);
    let plan = Plan::new()?.facing(&remote).over(Broker::Nats);
    let plan = plan.with(|config| config.relay.lease = Span::seconds(15));
    let mut house = absence.plan(plan).start().await?;
    let [alice, bob] = house.accounts().map(Clone::clone);
    let mut submitting = house.submit_as(&alice).await?;
    let content = |number, to: &str| Load::content(number, &alice.address, to);
    let mut submit = async |number: u64, to: &str| {
        let content = content(number, to);
        submitting.mail(&alice.address, &[to], &content).await
    };
    submit(0, &bob.address).await?;
    submit(1, ERIN).await?;
    house.wait_for_mail(&bob.address, "number 0").await?;
    submit(2, CAROL).await?;
    elsewhere.dot.reached().await?;
    let mut open = Open::before(&house).await?;
    let logged = warnings(&house)?;

    absence.begin(&mut house)?;
    mail_is_refused_for_now(&mut open, &content(3, &bob.address)).await?;
    passwords_are_not_checked(&house, &mut open).await?;
    mailboxes_are_closed(&mut open.readers).await?;
    // What became due before has failed by now, and nothing begins any more.
    elsewhere.erin_away.store(false, Ordering::SeqCst);
    operators_are_told(&house).await?;
    nothing_starts(&mut house).await?;
    let relayed = remote.sink.received();
    ensure!(relayed.is_empty(), "relayed without a claim: {relayed:?}");
    // The other server takes it, and the relay keeps the result.
    elsewhere.dot.open();
    let took = |mail: &system::Received| mail.to.iter().any(|to| to.contains("carol"));
    remote.sink.wait_for("what was on its way", took).await?;
    let lines = warnings(&house)? - logged;
    let most = LINES * house.members().len();
    ensure!(lines <= most, "{lines} warnings for one outage");

    absence.end(&mut house).await?;
    house.resume_member(VICTIM).await?;
    until("the feeder goes on", async || {
        let log = house.logged()?;
        let mut lines = log.lines();
        let found = lines.any(|line| line.contains("goes on") && line.contains("feeder"));
        Ok(found.then_some(()))
    })
    .await?;
    // Sessions that lived through it go on.
    let from = format!("MAIL FROM:<{DAVE}>");
    open.idle.expect("RSET", 250).await?;
    open.idle.expect(&from, 250).await?;
    let rcpt = format!("RCPT TO:<{}>", bob.address);
    open.idle.expect(&rcpt, 250).await?;
    let plain = Client::plain(&alice.address, &alice.password);
    open.stranger.expect(&plain, 235).await?;
    submit(4, &bob.address).await?;
    submit(5, CAROL).await?;
    house.wait_for_mail(&bob.address, "number 4").await?;
    until("the open session of IMAP shows what has come", async || {
        let said = open.readers.ask("imap NOOP", PROMPT).await?;
        Ok(said.contains("EXISTS").then_some(()))
    })
    .await?;
    let fetched = open.readers.ask("pop3 RETR 1", PROMPT).await?;
    ensure!(fetched.starts_with("+OK"), "{fetched}");
    house.wait_until_settled().await?;
    accounted_for(&house, &remote, absence).await
}

/// RCPT and the dot: 451, at once. Whom somebody asked for before may be known yet.
async fn mail_is_refused_for_now(open: &mut Open, content: &[u8]) -> Result<()> {
    let idle = &mut open.idle;
    let from = format!("MAIL FROM:<{DAVE}>");
    idle.expect(&from, 250).await?;
    let asked = idle.command("RCPT TO:<whoever@rohrpost.test>");
    let reply = timeout(PROMPT, asked).await.context("RCPT")??;
    later(&reply, 451, "4.3.0")?;
    open.sending.send(&[content, b"\r\n.\r\n"].concat()).await?;
    let reply = timeout(PROMPT, open.sending.reply()).await;
    later(&reply.context("the dot")??, 451, "4.3.0")
}

/// Logins at each port are put off, not refused.
async fn passwords_are_not_checked(house: &House, open: &mut Open) -> Result<()> {
    let [alice, _] = house.accounts();
    let plain = Client::plain(&alice.address, &alice.password);
    let reply = timeout(PROMPT, open.stranger.command(&plain)).await;
    later(&reply.context("AUTH")??, 454, "4.7.0")?;
    let imap = login(&format!("imaps://{}/INBOX", house.imaps()), alice).await?;
    ensure!(imap.contains("NO [UNAVAILABLE]"), "{imap}");
    let pop3 = login(&format!("pop3s://{}/1", house.pop3s()), alice).await?;
    ensure!(pop3.contains("-ERR [SYS/TEMP]"), "{pop3}");
    Ok(())
}

/// Commands that need the mailbox fail for now; sessions stay.
async fn mailboxes_are_closed(readers: &mut Readers) -> Result<()> {
    for (question, expected) in [
        ("imap STATUS INBOX (MESSAGES)", "t NO [UNAVAILABLE]"),
        ("imap CAPABILITY", "t OK"),
        ("pop3 RETR 1", "-ERR [SYS/TEMP]"),
        ("pop3 STAT", "+OK 1 "),
    ] {
        let answer = readers.ask(question, PROMPT).await?;
        ensure!(answer.contains(expected), "{question}: {answer}");
    }
    Ok(())
}

/// Readiness, the admin API and the command line.
async fn operators_are_told(house: &House) -> Result<()> {
    let (status, text) = timeout(PROMPT, probe(house, "readyz"))
        .await
        .context("readyz")??;
    ensure!(status == 503, "readyz: {status} {text}");
    let alive = timeout(PROMPT, probe(house, "healthz")).await;
    let (status, text) = alive.context("healthz")??;
    ensure!(status == 200, "healthz: {status} {text}");
    let listed = timeout(PROMPT, house.run(&["queue", "list"], "")).await;
    let listed = listed.context("queue list")??;
    ensure!(listed.status != Some(0), "{listed:?}");
    let told = listed.stderr.contains("the store cannot be reached");
    ensure!(told, "queue list: {}", listed.stderr);
    let metrics = timeout(PROMPT, house.metrics())
        .await
        .context("metrics")??;
    ensure!(metrics.contains("rohrpost_"), "{metrics}");
    Ok(())
}

/// A service is not started for nothing.
async fn nothing_starts(house: &mut House) -> Result<()> {
    house.kill_member(VICTIM).await?;
    let ended = timeout(PROMPT, house.start_in_vain(VICTIM)).await;
    let ended = ended.context("starting")??;
    ensure!(ended.code() == Some(1), "{VICTIM} ended with {ended}");
    let said = house.logged_by(VICTIM)?;
    ensure!(said.contains("the store cannot be reached"), "{said}");
    Ok(())
}

/// Each message that got 250 arrived once, and nobody was told of a failure.
async fn accounted_for(house: &House, remote: &Remote, absence: Absence) -> Result<()> {
    let [alice, bob] = house.accounts();
    let local = Copies::in_mailboxes(house, &[&bob.address]).await?;
    let relayed = Copies::at(&remote.sink);
    for (number, to, copies) in [
        (0, bob.address.as_str(), &local),
        (1, ERIN, &relayed),
        (2, CAROL, &relayed),
        (4, bob.address.as_str(), &local),
        (5, CAROL, &relayed),
    ] {
        let found = copies.of(number, to);
        ensure!(found == 1, "message {number} to {to}: {found} copies");
    }
    // One that hung has taken it after all: its client could not know.
    let unsure = local.of(3, &bob.address);
    let most = usize::from(absence == Absence::Hung);
    ensure!(unsure <= most, "what got 451 was delivered");
    ensure!(local.count() == 2 + unsure, "{}", local.count());
    ensure!(house.inbox(&alice.address).await?.is_empty(), "notices");
    Ok(())
}

fn later(reply: &Reply, code: u16, status: &str) -> Result<()> {
    let fits = reply.code == code && reply.text.starts_with(status);
    ensure!(fits, "{reply} instead of {code} {status}");
    Ok(())
}

fn warnings(house: &House) -> Result<usize> {
    let logged = house.logged()?;
    let loud = |line: &&str| line.contains("WARN") || line.contains("ERROR");
    Ok(logged.lines().filter(loud).count())
}
