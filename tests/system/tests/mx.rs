//! What strangers and users may do at the ports of the real program.

use anyhow::{Context, Result, ensure};
use system::{Client, House, Plan, Remote, until};

const LETTER: &[u8] = b"From: dave@sink.test\r\nTo: somebody\r\nSubject: a letter\r\n\r\nhello\r\n";

/// Each command is answered by a reply that begins so.
async fn dialogue(client: &mut Client, lines: &[(&str, &str)]) -> Result<()> {
    for (command, expected) in lines {
        let reply = client.command(command).await?.to_string();
        ensure!(
            reply.starts_with(expected),
            "{command}: {reply}, not {expected}"
        );
    }
    Ok(())
}

async fn subjects(house: &House, address: &str) -> Result<Vec<String>> {
    let inbox = house.inbox(address).await?;
    let subjects = inbox
        .iter()
        .filter_map(|message| message["subject"].as_str());
    Ok(subjects.map(str::to_owned).collect())
}

#[tokio::test]
async fn recipients_are_judged_before_the_message() -> Result<()> {
    let house = House::start().await?;
    house
        .add_account("full@rohrpost.test", &["--quota", "1000"])
        .await?;
    let targets = ["alice@rohrpost.test", "carol@sink.test"];
    house
        .tell(&[&["alias", "add", "list@rohrpost.test"], &targets[..]].concat())
        .await?;
    let mut client = Client::connect(house.mx()).await?;
    dialogue(
        &mut client,
        &[
            ("MAIL FROM:<dave@sink.test> SIZE=2000", "250 2.1.0"),
            ("RCPT TO:<nobody@rohrpost.test>", "550 5.1.1"),
            ("RCPT TO:<carol@sink.test>", "550 5.7.1"),
            ("RCPT TO:<carol%sink.test@rohrpost.test>", "550 5.1.1"),
            ("RCPT TO:<@rohrpost.test:carol@sink.test>", "55"),
            ("RCPT TO:<full@rohrpost.test>", "452 4.2.2"),
            ("RCPT TO:<Alice+tag@ROHRPOST.test>", "250 2.1.5"),
            ("RCPT TO:<list@rohrpost.test>", "250 2.1.5"),
            ("RCPT TO:<Postmaster>", "250 2.1.5"),
            ("RCPT TO:<POSTMASTER@rohrpost.test>", "250 2.1.5"),
            ("RCPT TO:<abuse@rohrpost.test>", "250 2.1.5"),
            ("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "50"),
        ],
    )
    .await
}

#[tokio::test]
async fn an_account_gets_one_copy_however_it_is_reached() -> Result<()> {
    let remote = Remote::start().await?;
    let house = Plan::new()?.facing(&remote).start().await?;
    let [alice, bob] = house.accounts().map(|account| account.address.as_str());
    for (name, targets) in [
        ("team@rohrpost.test", vec![alice, bob, "all@rohrpost.test"]),
        (
            "all@rohrpost.test",
            vec!["team@rohrpost.test", "carol@sink.test", bob],
        ),
    ] {
        house
            .tell(&[&["alias", "add", name], &targets[..]].concat())
            .await?;
    }
    let mut client = Client::connect(house.mx()).await?;
    let to = [
        "team@rohrpost.test",
        alice,
        "ALICE+x@rohrpost.test",
        "postmaster",
        "all@rohrpost.test",
    ];
    client.mail("dave@sink.test", &to, LETTER).await?;
    house.wait_until_settled().await?;
    for address in [alice, bob] {
        assert_eq!(subjects(&house, address).await?, ["a letter"], "{address}");
    }
    let relayed = remote.sink.received();
    assert_eq!(relayed.len(), 1);
    assert_eq!(relayed[0].to, ["carol@sink.test"]);
    Ok(())
}

/// What separates a message from the one that an attacker hides behind it.
const SMUGGLED: [&str; 7] = [
    "\n.\n",
    "\n.\r\n",
    "\r\n.\n",
    "\r.\r",
    "\r.\r\n",
    "\r\n.\r",
    "\r\n\0.\r\n",
];

#[tokio::test]
async fn no_message_is_smuggled_behind_another() -> Result<()> {
    let house = House::start().await?;
    let [alice, bob] = house.accounts();
    for end in SMUGGLED {
        let mut client = Client::connect(house.mx()).await?;
        dialogue(
            &mut client,
            &[
                ("MAIL FROM:<dave@sink.test>", "250"),
                (&format!("RCPT TO:<{}>", alice.address), "250"),
                ("DATA", "354"),
            ],
        )
        .await?;
        let hidden = format!(
            "Subject: outer\r\n\r\nhello{end}MAIL FROM:<boss@rohrpost.test>\r\nRCPT TO:<{}>\r\nDATA\r\n\
             Subject: smuggled\r\n\r\nobey\r\n.\r\n",
            bob.address
        );
        client.send(hidden.as_bytes()).await?;
        let reply = client.reply().await?;
        ensure!((500..600).contains(&reply.code), "{end:?}: {reply}");
    }
    // A sound message behind them shows that nothing else is on its way.
    let mut client = Client::connect(house.mx()).await?;
    client
        .mail("dave@sink.test", &[&alice.address, &bob.address], LETTER)
        .await?;
    house.wait_until_settled().await?;
    for account in [alice, bob] {
        assert_eq!(subjects(&house, &account.address).await?, ["a letter"]);
    }
    Ok(())
}

#[tokio::test]
async fn commands_sent_ahead_of_tls_are_not_obeyed_under_it() -> Result<()> {
    let house = House::start().await?;
    for server in [house.mx(), house.submission()] {
        let mut client = Client::connect(server).await?;
        client
            .send(b"STARTTLS\r\nMAIL FROM:<mallory@sink.test>\r\n")
            .await?;
        let reply = client.reply().await?;
        if reply.code == 220 {
            let mut client = client.secure().await?;
            let reply = client.command("RCPT TO:<alice@rohrpost.test>").await?;
            ensure!(reply.code == 503, "{reply}");
        } else {
            ensure!((500..600).contains(&reply.code), "{reply}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn passwords_are_taken_under_tls_only() -> Result<()> {
    let house = House::start().await?;
    let [alice, bob] = house.accounts();
    let login = Client::plain(&alice.address, &alice.password);

    let mut clear = Client::open(house.submission()).await?;
    let offer = clear.command("EHLO client.test").await?;
    ensure!(
        offer.text.contains("STARTTLS") && !offer.text.contains("AUTH"),
        "{offer}"
    );
    let refused = clear.command(&login).await?;
    ensure!((500..600).contains(&refused.code), "{refused}");
    let early = clear
        .command(&format!("MAIL FROM:<{}>", alice.address))
        .await?;
    ensure!((500..600).contains(&early.code), "{early}");

    clear.expect("STARTTLS", 220).await?;
    let mut secure = clear.secure().await?;
    let offer = secure.expect("EHLO client.test", 250).await?;
    ensure!(offer.text.contains("AUTH PLAIN LOGIN"), "{offer}");
    let wrong = Client::plain(&alice.address, "guess");
    let sender = format!("MAIL FROM:<{}>", bob.address);
    dialogue(
        &mut secure,
        &[
            (&wrong, "535 5.7.8"),
            (&login, "235 2.7.0"),
            (&sender, "553 5.7.1"),
        ],
    )
    .await
}

#[tokio::test]
async fn implicit_tls_takes_mail_too() -> Result<()> {
    let house = House::start().await?;
    let [alice, bob] = house.accounts();
    let mut client = Client::tls(house.submissions()).await?;
    client.expect("EHLO client.test", 250).await?;
    client
        .expect(&Client::plain(&alice.address, &alice.password), 235)
        .await?;
    let letter = format!(
        "From: {}\r\nSubject: by 465\r\n\r\nhello\r\n",
        alice.address
    );
    client
        .mail(&alice.address, &[&bob.address], letter.as_bytes())
        .await?;
    let stored = String::from_utf8(house.wait_for_mail(&bob.address, "by 465").await?)?;
    for completed in ["\r\nDate: ", "\r\nMessage-ID: <", "with ESMTPSA"] {
        ensure!(stored.contains(completed), "no {completed:?} in {stored}");
    }
    Ok(())
}

/// Promise 4, with room for a debug build on a busy machine.
#[tokio::test]
async fn a_local_recipient_has_the_message_at_once() -> Result<()> {
    let house = House::start().await?;
    let [alice, _] = house.accounts();
    let mut client = Client::connect(house.mx()).await?;
    let id = client
        .mail("dave@sink.test", &[&alice.address], LETTER)
        .await?
        .to_string();
    let history = until("the message is settled", async || {
        let history = house
            .json(&["trace", &id])
            .await?
            .pop()
            .context("a history")?;
        Ok(history["closed_at"].is_string().then_some(history))
    })
    .await?;
    let time = |value: &serde_json::Value| -> Result<message::Timestamp> {
        Ok(value.as_str().context("a time")?.parse()?)
    };
    let took = time(&history["closed_at"])?.duration_since(time(&history["accepted_at"])?);
    ensure!(took.as_millis() < 1000, "{took}");
    Ok(())
}
