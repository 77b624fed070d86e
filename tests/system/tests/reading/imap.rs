//! Clients of IMAP that need no terminal, at the real program: curl, fetchmail,
//! getmail, and Python's imaplib.

use anyhow::{Context, Result, ensure};
use system::{Account, Broker, House, Plan, Reader};
use tokio::process::Command;

use crate::home::{Home, port, python, run};

/// Letters for IMAP: numbers in subjects, and lines that are hard to carry.
fn letters(numbers: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    let letter = |number| {
        format!(
            "From: carol@example.org\r\nTo: bob@rohrpost.test\r\nSubject: number {number}\r\n\
             Message-ID: <{number}@example.org>\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
             hello, Jürgen\r\n.\r\n)\r\na1 OK\r\nFrom here {{9}}\r\n"
        )
    };
    numbers.map(|number| letter(number).into_bytes()).collect()
}

/// What curl says, asked as `user` for `url`.
async fn curl(user: &Account, url: &str, arguments: &[&str]) -> Result<Vec<u8>> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--insecure", "--ssl-reqd"])
        .args(["--user", &format!("{}:{}", user.address, user.password)])
        .args(arguments)
        .arg(url);
    run(&mut curl).await
}

#[tokio::test]
async fn curl_uploads_searches_fetches_and_expunges() -> Result<()> {
    let house = House::start().await?;
    let [_, bob] = house.accounts();
    let home = Home::new()?;
    for (number, url) in [
        format!("imap://{}", house.imap()),
        format!("imaps://{}", house.imaps()),
    ]
    .iter()
    .enumerate()
    {
        let ask = async |path: &str, arguments: &[&str]| {
            let said = curl(bob, &format!("{url}/{path}"), arguments).await?;
            Ok::<_, anyhow::Error>(String::from_utf8_lossy(&said).into_owned())
        };
        let folder = format!("curl{number}");
        ask("", &["--request", &format!("CREATE {folder}")]).await?;
        let listed = ask("", &[]).await?;
        ensure!(
            listed.contains("Sent") && listed.contains(&folder),
            "{listed}"
        );
        let letters = letters(0..2);
        for letter in &letters {
            let file = home.write("letter", letter)?;
            let file = file.to_str().context("a path")?;
            ask(&folder, &["--upload-file", file]).await?;
        }
        let found = ask(&format!("{folder}?SUBJECT%20%22number%201%22"), &[]).await?;
        ensure!(found.trim_end() == "* SEARCH 2", "{found}");
        let whole = curl(bob, &format!("{url}/{folder};UID=2"), &[]).await?;
        ensure!(whole == letters[1], "{}", String::from_utf8_lossy(&whole));
        let text = ask(&format!("{folder};UID=1;SECTION=TEXT"), &[]).await?;
        ensure!(text.starts_with("hello, Jürgen\r\n.\r\n)"), "{text}");
        let store = ["--request", "UID STORE 1 +FLAGS.SILENT (\\Deleted)"];
        ask(&folder, &store).await?;
        let expunged = ask(&folder, &["--request", "EXPUNGE"]).await?;
        ensure!(expunged.trim_end() == "* 1 EXPUNGE", "{expunged}");
        let left = ask(&format!("{folder}?ALL"), &[]).await?;
        ensure!(left.trim_end() == "* SEARCH 1", "{left}");
    }
    Ok(())
}

#[tokio::test]
async fn fetchmail_fetches_what_is_unseen_and_then_takes_all_away() -> Result<()> {
    let house = House::start().await?;
    let [_, bob] = house.accounts();
    let home = Home::new()?;
    let settings = |port: String, way: &str| {
        format!(
            "poll 127.0.0.1 protocol imap port {port}\n  username \"{}\" password \"{}\"\n  \
             {way} no sslcertck mda \"cat >> {}\"\n",
            bob.address,
            bob.password,
            home.path("mbox").display()
        )
    };
    let fetch = async |settings: String| {
        home.write(".fetchmailrc", settings)?;
        let mut fetchmail = home.client("fetchmail");
        run(fetchmail.args(["--nosyslog", "--nodetach", "--verbose"])).await?;
        let fetched = std::fs::read_to_string(home.path("mbox"))?;
        Ok::<_, anyhow::Error>(fetched.matches("Subject: number ").count())
    };
    let mut reader = Reader::login(house.imaps(), bob).await?;
    for (numbers, count) in [(0..3, 3), (3..5, 5)] {
        reader.append("INBOX", &letters(numbers)).await?;
        let starttls = settings(port(house.imap()), "sslproto tls1.2+ keep");
        let fetched = fetch(starttls).await?;
        ensure!(fetched == count, "{fetched} messages");
    }
    for stored in reader.messages("INBOX").await? {
        ensure!(stored.flags.contains(&"\\Seen".to_owned()), "{stored:?}");
    }
    let all = settings(port(house.imaps()), "ssl fetchall no keep");
    let fetched = fetch(all).await?;
    ensure!(fetched == 10, "{fetched} messages");
    ensure!(reader.messages("INBOX").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn getmail_takes_several_mailboxes_away() -> Result<()> {
    let house = House::start().await?;
    let [_, bob] = house.accounts();
    let mut reader = Reader::login(house.imaps(), bob).await?;
    reader.ask("CREATE Work/2026").await?;
    reader.append("INBOX", &letters(0..3)).await?;
    reader.append("Work/2026", &letters(3..5)).await?;
    let home = Home::new()?;
    let box_file = home.path("mbox");
    let text = format!(
        "[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = 127.0.0.1\nport = {}\n\
         username = {}\npassword = {}\nmailboxes = (\"INBOX\", \"Work/2026\")\n\n\
         [destination]\ntype = MDA_external\npath = /bin/sh\n\
         arguments = (\"-c\", \"cat >> {}\")\nallow_root_commands = true\n\n\
         [options]\ndelete = true\nread_all = false\n",
        house.imaps().port(),
        bob.address,
        bob.password,
        box_file.display()
    );
    let settings = home.write("getmailrc", text)?;
    for _ in 0..2 {
        let mut getmail = home.client("getmail");
        getmail
            .arg("--getmaildir")
            .arg(home.path(""))
            .arg("--rcfile");
        run(getmail.arg(&settings)).await?;
        let fetched = std::fs::read_to_string(&box_file)?;
        let count = fetched.matches("Subject: number ").count();
        ensure!(count == 5, "{count} messages:\n{fetched}");
    }
    for mailbox in ["INBOX", "Work/2026"] {
        ensure!(reader.messages(mailbox).await?.is_empty(), "{mailbox}");
    }
    Ok(())
}

#[tokio::test]
async fn imaplib_does_all_it_can() -> Result<()> {
    imaplib(House::start().await?).await
}

#[tokio::test]
async fn imaplib_does_all_it_can_over_redis() -> Result<()> {
    imaplib(Plan::new()?.over(Broker::Nats).start().await?).await
}

async fn imaplib(house: House) -> Result<()> {
    let [_, bob] = house.accounts();
    let mut python = python("imaplib_scenario.py");
    python
        .args([port(house.imap()), port(house.imaps())])
        .args([&bob.address, &bob.password]);
    run(&mut python).await.map(drop)
}
