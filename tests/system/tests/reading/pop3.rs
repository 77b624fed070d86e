//! Clients of POP3 as people have them, at the real program: curl, fetchmail,
//! getmail, and Python's poplib.

use anyhow::{Result, ensure};
use system::{Account, House};
use tokio::process::Command;

use crate::home::{Home, port, python, run};

/// Letters with dots in hard places, subjects counted from 0, all delivered.
async fn deliver(house: &House, to: &Account, count: usize) -> Result<()> {
    let [alice, _] = house.accounts();
    let mut client = house.submit_as(alice).await?;
    for number in 0..count {
        let letter = format!(
            "From: {}\r\nTo: {}\r\nSubject: number {number}\r\n\r\nhello\r\n.\r\n..\r\n.end\r\n",
            alice.address, to.address
        );
        client
            .mail(&alice.address, &[&to.address], letter.as_bytes())
            .await?;
        let subject = format!("number {number}");
        house.wait_for_mail(&to.address, &subject).await?;
    }
    Ok(())
}

#[tokio::test]
async fn poplib_fetches_and_deletes() -> Result<()> {
    const COUNT: usize = 12;
    let house = House::start().await?;
    let [_, bob] = house.accounts();
    deliver(&house, bob, COUNT).await?;
    let mut python = python("poplib_scenario.py");
    python
        .args([port(house.pop3()), port(house.pop3s())])
        .args([&bob.address, &bob.password, &COUNT.to_string()]);
    run(&mut python).await?;
    ensure!(house.inbox(&bob.address).await?.len() == COUNT - 2);
    Ok(())
}

#[tokio::test]
async fn curl_fetches_byte_for_byte() -> Result<()> {
    let house = House::start().await?;
    let [_, bob] = house.accounts();
    deliver(&house, bob, 2).await?;
    let stored = house.wait_for_mail(&bob.address, "number 1").await?;
    for url in [
        format!("pop3://{}/2", house.pop3()),
        format!("pop3s://{}/2", house.pop3s()),
    ] {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--insecure", "--ssl-reqd"])
            .args(["--user", &format!("{}:{}", bob.address, bob.password), &url]);
        let fetched = run(&mut curl).await?;
        ensure!(
            fetched == stored,
            "{url}\n{}",
            String::from_utf8_lossy(&fetched)
        );
    }
    Ok(())
}

#[tokio::test]
async fn fetchmail_fetches_what_is_new() -> Result<()> {
    let house = House::start().await?;
    let [_, bob] = house.accounts();
    let home = Home::new()?;
    let box_file = home.path("mbox");
    let text = format!(
        "poll 127.0.0.1 protocol pop3 port {} uidl\n  username \"{}\" password \"{}\"\n  \
         sslproto tls1.2+ no sslcertck keep mda \"cat >> {}\"\n",
        house.pop3().port(),
        bob.address,
        bob.password,
        box_file.display()
    );
    home.write(".fetchmailrc", text)?;
    for letters in [3, 2] {
        deliver(&house, bob, letters).await?;
        let mut fetchmail = home.client("fetchmail");
        run(fetchmail.args(["--nosyslog", "--nodetach", "--verbose"])).await?;
    }
    let fetched = std::fs::read_to_string(&box_file)?;
    let count = fetched.matches("Subject: number ").count();
    ensure!(count == 5, "{count} messages:\n{fetched}");
    ensure!(house.inbox(&bob.address).await?.len() == 5);
    Ok(())
}

#[tokio::test]
async fn getmail_takes_all_away() -> Result<()> {
    let house = House::start().await?;
    let [_, bob] = house.accounts();
    deliver(&house, bob, 4).await?;
    let home = Home::new()?;
    let box_file = home.path("mbox");
    let text = format!(
        "[retriever]\ntype = SimplePOP3SSLRetriever\nserver = 127.0.0.1\nport = {}\n\
         username = {}\npassword = {}\n\n[destination]\ntype = MDA_external\n\
         path = /bin/sh\narguments = (\"-c\", \"cat >> {}\")\nallow_root_commands = true\n\n\
         [options]\ndelete = true\nread_all = true\n",
        house.pop3s().port(),
        bob.address,
        bob.password,
        box_file.display()
    );
    let settings = home.write("getmailrc", text)?;
    let mut getmail = home.client("getmail");
    getmail
        .arg("--getmaildir")
        .arg(home.path(""))
        .arg("--rcfile");
    run(getmail.arg(settings)).await?;
    let fetched = std::fs::read_to_string(&box_file)?;
    ensure!(
        fetched.matches("Subject: number ").count() == 4,
        "{fetched}"
    );
    ensure!(house.inbox(&bob.address).await?.is_empty());
    Ok(())
}
