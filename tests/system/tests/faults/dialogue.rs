//! A server that drops the connection, at every point of the dialogue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use config::Span;
use system::{Answer, Client, Copies, House, Load, Plan, Remote, Stage};

const CAROL: &str = "carol@sink.test";
/// How often the connection is dropped before the server behaves.
const DROPS: usize = 3;

/// Where the connection is dropped and what is said before; and whether the
/// server has taken the message then, so that it gets it again (RFC 1047).
const TABLE: &[(Stage, Option<&str>, bool)] = &[
    (Stage::Connect, None, false),
    (Stage::Connect, Some("2"), false),
    (Stage::Connect, Some("220-sink.test says more\r\n"), false),
    (Stage::Connect, Some("554 5.3.2 no ser"), false),
    (Stage::Hello, None, false),
    (Stage::Hello, Some("250-sink.test\r\n250-PIPELI"), false),
    (Stage::Mail, None, false),
    (Stage::Mail, Some("250 2.1"), false),
    (Stage::Mail, Some("550 5.7.1 not you"), false),
    (Stage::Recipient, None, false),
    (Stage::Recipient, Some("25"), false),
    (Stage::Recipient, Some("550-5.1.1 nobody of\r\n"), false),
    (Stage::Data, None, false),
    (Stage::Data, Some("354 Go"), false),
    (Stage::Data, Some("554 5.7.1 no, tha"), false),
    (Stage::Content, None, false),
    (Stage::Content, Some("452 4.3.1 the disk is"), false),
    (Stage::Dot, None, false),
    (Stage::Dot, Some(""), true),
    (Stage::Dot, Some("2"), true),
    (Stage::Dot, Some("250 2.0.0 Tak"), true),
    (Stage::Dot, Some("250-2.0.0 Taken\r\n"), true),
    (Stage::Dot, Some("554 5.6.0 I do not li"), true),
];

#[tokio::test]
async fn a_connection_dropped_anywhere_loses_nothing_and_bounces_nothing() -> Result<()> {
    let mut remote = Remote::start().await?;
    let plan = Plan::new()?.facing(&remote).with(|config| {
        config.relay.first_retry = Span::millis(50);
        config.relay.max_retry = Span::millis(200);
    });
    let house = plan.start().await?;
    let [alice, bob] = house.accounts();
    let mut client = house.submit_as(alice).await?;
    let mut again = 0;

    for (row, &(stage, said, taken)) in TABLE.iter().enumerate() {
        // No case may begin on a connection that an earlier one left open.
        remote.sink.stop().await;
        let left = dropping(&remote, stage, said);
        remote.sink.resume().await?;
        // The first of a row is large, the second small.
        let numbers = [40 * row as u64, 40 * row as u64 + 1];
        for number in numbers {
            submit(&mut client, &house, number).await?;
        }
        let case = || format!("{stage:?}, {said:?}");
        house.wait_until_settled().await.with_context(case)?;
        ensure!(left.load(Ordering::Relaxed) == 0, "{}: never there", case());
        let relayed = Copies::at(&remote.sink);
        let times = numbers.map(|number| relayed.of(number, CAROL));
        let sum: usize = times.iter().sum();
        let most = 2 + if taken { DROPS } else { 0 };
        ensure!(times.iter().all(|&times| times > 0), "{}: lost", case());
        ensure!(sum <= most, "{}: relayed {times:?} times", case());
        again += sum - 2;
    }

    let messages = 2 * TABLE.len();
    let local = Copies::in_mailboxes(&house, &[&bob.address]).await?;
    println!(
        "{messages} messages, {} drops: relayed {}, again {again}; delivered {}, doubled {}",
        DROPS * TABLE.len(),
        Copies::at(&remote.sink).count(),
        local.count(),
        local.doubled()
    );
    assert_eq!((local.count(), local.doubled()), (messages, 0));
    assert_eq!(house.inbox(&alice.address).await?.len(), 0, "notices");
    Ok(())
}

/// Lets the server drop the next connections at `stage`; tells how many are left.
fn dropping(remote: &Remote, stage: Stage, said: Option<&'static str>) -> Arc<AtomicUsize> {
    let left = Arc::new(AtomicUsize::new(DROPS));
    let counted = Arc::clone(&left);
    remote.sink.behave(move |at, _| {
        let drop = |left: usize| left.checked_sub(1).filter(|_| at == stage);
        match counted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, drop) {
            Ok(_) => said.map_or(Answer::HangUp, Answer::break_off),
            Err(_) => Answer::Accept,
        }
    });
    left
}

async fn submit(client: &mut Client, house: &House, number: u64) -> Result<()> {
    let [alice, bob] = house.accounts().map(|account| account.address.as_str());
    let content = Load::content(number, alice, CAROL);
    client.mail(alice, &[CAROL, bob], &content).await.map(drop)
}
