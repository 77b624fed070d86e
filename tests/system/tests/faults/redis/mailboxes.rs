//! Sessions in a mailbox that were in the middle of something when Redis went.

use anyhow::{Result, ensure};
use system::{Broker, Copies, Load, Plan};

use super::PROMPT;
use super::absence::Absence;
use super::readers::Readers;

#[tokio::test]
async fn an_idle_lives_through_an_outage_and_a_quit_in_it_removes_nothing() -> Result<()> {
    let mut house = Plan::new()?.over(Broker::Nats).start().await?;
    let [alice, bob] = house.accounts().map(Clone::clone);
    let mut client = house.submit_as(&alice).await?;
    let mut submit = async |number| {
        let content = Load::content(number, &alice.address, &bob.address);
        let to = [bob.address.as_str()];
        client.mail(&alice.address, &to, &content).await
    };
    submit(0).await?;
    house.wait_for_mail(&bob.address, "number 0").await?;
    let mut readers = Readers::open(&house, &bob).await?;
    let idling = readers.ask("imap IDLE", PROMPT).await?;
    ensure!(idling.starts_with("+ "), "{idling}");
    let marked = readers.ask("pop3 DELE 1", PROMPT).await?;
    ensure!(marked.starts_with("+OK"), "{marked}");

    Absence::Killed.begin(&mut house)?;
    let refused = readers.ask("pop3 QUIT", PROMPT).await?;
    ensure!(refused.starts_with("-ERR [SYS/TEMP]"), "{refused}");

    Absence::Killed.end(&mut house).await?;
    submit(1).await?;
    let heard = readers.ask("hear * 2 EXISTS", PROMPT).await?;
    ensure!(heard == "* 2 EXISTS", "{heard}");
    let done = readers.ask("say DONE", PROMPT).await?;
    ensure!(done.contains("t OK"), "{done}");
    let copies = Copies::in_mailboxes(&house, &[&bob.address]).await?;
    for number in [0, 1] {
        let found = copies.of(number, &bob.address);
        ensure!(found == 1, "message {number}: {found} copies");
    }
    Ok(())
}
