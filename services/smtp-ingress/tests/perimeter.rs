//! Who is let in: proxies, guessers, crowds; and content in chunks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::{Client, House, PASSWORD, login};

const PROXIED: &str = "PROXY TCP4 198.51.100.7 192.0.2.1 40000 25\r\n";

fn trust(listeners: &mut [config::Listener], network: &str) {
    for listener in listeners {
        listener.proxy_from = vec![network.parse().unwrap()];
    }
}

async fn behind_a_proxy(change: impl FnOnce(&mut config::Smtp)) -> House {
    House::open_with(|config| {
        let smtp = &mut config.smtp;
        for listeners in [&mut smtp.mx, &mut smtp.submission, &mut smtp.submissions] {
            trust(listeners, "127.0.0.0/8");
        }
        change(smtp);
    })
    .await
}

#[tokio::test]
async fn a_message_in_chunks_is_taken_whole() {
    let house = House::open().await;
    let mut client = house.client().await;
    client.expect("220").await;
    client.say("EHLO client.example", "250 HELP").await;
    client
        .send("MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\n")
        .await;
    client
        .send("BDAT 12\r\nSubject: a\r\nBDAT 8\r\n\r\n.\r\nab\nBDAT 0 LAST\r\n")
        .await;
    for reply in [
        "250 2.1.0",
        "250 2.1.5",
        "250 2.0.0 12",
        "554 5.6.0",
        "503 5.5.1",
    ] {
        client.expect(reply).await;
    }
    client
        .send("MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\n")
        .await;
    client
        .send("BDAT 12\r\nSubject: a\r\nBDAT 7\r\n\r\n.\r\nabBDAT 0 LAST\r\n")
        .await;
    for reply in ["250", "250", "250 2.0.0 12", "250 2.0.0 7", "250 2.0.0 Ok"] {
        client.expect(reply).await;
    }
    let (_, content) = house.message().await;
    assert_eq!(content, "Subject: a\r\n\r\n.\r\nab\r\n");
    let left = house.content.list(None, 10).await.unwrap().contents;
    assert_eq!(left.len(), 1, "the refused message leaves nothing");
}

#[tokio::test]
async fn a_trusted_proxy_tells_who_the_client_is() {
    let house = behind_a_proxy(|_| {}).await;
    let mut client = house.client().await;
    // Not an octet behind the header is lost, nor one of it taken for a command.
    client
        .send(format!("{PROXIED}EHLO client.example\r\n"))
        .await;
    client.expect("220").await;
    client.expect("250").await;
    client
        .submit("", "alice@example.org", "Subject: x\r\n")
        .await;
    client.expect("250 2.0.0").await;
    let (prefix, _) = house.message().await;
    assert!(
        prefix.starts_with("Received: from client.example ([198.51.100.7])"),
        "{prefix}"
    );
    let mut slow = house.client().await;
    for octet in PROXIED.as_bytes() {
        slow.send([*octet]).await;
    }
    slow.expect("220").await;
    let mut check = house.client().await;
    check.send(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0").await;
    check.expect("220").await;
}

#[tokio::test]
async fn a_proxy_speaks_before_tls() {
    let house = behind_a_proxy(|_| {}).await;
    let mut client = Client::connect(house.submissions).await;
    client.send(PROXIED).await;
    let mut client = client.secure(&house.certificate).await;
    client.expect("220").await;
}

#[tokio::test]
async fn connections_without_a_sound_header_are_closed_unheard() {
    let house = behind_a_proxy(|smtp| smtp.command_timeout = config::Span::millis(200)).await;
    for octets in [
        "EHLO client.example\r\n",
        "PROXY TCP4 nowhere nowhere 1 2\r\n",
        "PROXY TCP4 198.51.100.7",
        "",
    ] {
        let mut client = house.client().await;
        client.send(octets).await;
        assert!(client.ended().await, "{octets:?}");
    }
}

#[tokio::test]
async fn limits_are_those_of_the_client_behind_the_proxy() {
    let house = behind_a_proxy(|smtp| smtp.max_connections_per_address = 1).await;
    let mut one = house.client().await;
    one.send(PROXIED).await;
    one.expect("220").await;
    let mut again = house.client().await;
    again.send(PROXIED).await;
    again.expect("421 4.7.0").await;
    let mut other = house.client().await;
    other
        .send(PROXIED.replace("198.51.100.7", "198.51.100.8"))
        .await;
    other.expect("220").await;
}

#[tokio::test]
async fn a_header_from_elsewhere_is_no_command() {
    let house = House::open_with(|config| trust(&mut config.smtp.mx, "127.0.0.2")).await;
    let mut client = house.client().await;
    client.send(PROXIED).await;
    client.expect("220").await;
    client.expect("500 5.5.2").await;
}

#[tokio::test]
async fn a_proxy_is_believed_at_its_own_listener_only() {
    let house = House::open_with(|config| trust(&mut config.smtp.submission, "127.0.0.1")).await;
    let mut client = Client::connect(house.submission).await;
    client.send(PROXIED).await;
    client.expect("220").await;
    client.say("EHLO client.example", "250 HELP").await;
    let mut client = house.client().await;
    client.send(PROXIED).await;
    client.expect("220").await;
    client.expect("500 5.5.2").await;
    let mut client = Client::connect_tls(house.submissions, &house.certificate).await;
    client.expect("220").await;
}

#[tokio::test]
async fn guessers_are_refused_even_when_they_guess_right() {
    let house = House::open_with(|config| {
        config.smtp.max_auth_failures_per_account = 2;
        config.smtp.max_auth_failures_per_address = 3;
    })
    .await;
    let alice = login("alice@example.org", PASSWORD);
    let mut client = house.stranger().await;
    for reply in ["535 5.7.8", "535 5.7.8"] {
        client
            .say(&login("alice@example.org", "a guess"), reply)
            .await;
    }
    client.say(&alice, "454 4.7.0").await;
    client.expect("421 4.7.0").await;
    let mut client = house.stranger().await;
    client
        .say(&login("nobody@example.org", "x"), "535 5.7.8")
        .await;
    client.say(&alice, "421 4.7.0").await;
    assert!(client.ended().await);
}

#[tokio::test]
async fn a_client_that_closes_its_side_gets_the_replies_it_is_due() {
    let house = House::open().await;
    let mut client = house.client().await;
    client.expect("220").await;
    client
        .send("EHLO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\n")
        .await;
    client.send("BDAT 12 LAST\r\nSubject: x\r\nQUIT\r\n").await;
    client.close_its_side().await;
    for reply in ["250", "250", "250", "250 2.0.0 Ok: queued", "221"] {
        client.expect(reply).await;
    }
    assert!(client.ended().await);
    assert_eq!(house.ledger.accepted().len(), 1);
}

#[tokio::test]
async fn a_client_that_stops_within_content_is_told_and_left() {
    let house =
        House::open_with(|config| config.smtp.data_timeout = config::Span::millis(50)).await;
    for command in ["DATA\r\n", "BDAT 1000 LAST\r\n"] {
        let mut client = house.client().await;
        client.expect("220").await;
        client.say("HELO client.example", "250").await;
        client.say("MAIL FROM:<>", "250").await;
        client.say("RCPT TO:<alice@example.org>", "250").await;
        client.send(command).await;
        if command.starts_with("DATA") {
            client.expect("354").await;
        }
        client.send("Subject: half").await;
        client.expect("421 4.4.2").await;
        assert!(client.ended().await);
    }
    assert!(house.ledger.accepted().is_empty());
}

#[tokio::test]
async fn a_client_that_takes_no_replies_is_left() {
    let house =
        House::open_with(|config| config.smtp.command_timeout = config::Span::millis(200)).await;
    let mut client = house.client().await;
    client.expect("220").await;
    // Replies to all of these fill every buffer on the way back.
    let commands = "NOOP\r\n".repeat(10_000);
    let pushing = async { while let Ok(()) = client.try_send(&commands).await {} };
    tokio::time::timeout(house::DEADLINE, pushing)
        .await
        .expect("the server hangs up");
}

#[tokio::test]
async fn two_thousand_sessions_are_served_at_once() {
    const SESSIONS: usize = 2000;
    let house = House::open_with(|config| {
        config.smtp.max_connections = SESSIONS;
        config.smtp.max_connections_per_address = SESSIONS;
    })
    .await;
    let mut clients = Vec::with_capacity(SESSIONS);
    for _ in 0..SESSIONS {
        let socket = tokio::net::TcpStream::connect(house.mx).await;
        clients.push(Client::over(socket.expect("is `ulimit -n` above 4100?")));
    }
    for client in &mut clients {
        client.expect("220").await;
        client
            .send("EHLO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n")
            .await;
    }
    let mut refused = house.client().await;
    refused.expect("421 4.7.0").await;
    for client in &mut clients {
        for reply in ["250", "250", "250", "354"] {
            client.expect(reply).await;
        }
    }
    // Every session is in the middle of its transaction now.
    for client in &mut clients {
        client.send("Subject: x\r\n\r\n.\r\n").await;
    }
    for client in &mut clients {
        client.expect("250 2.0.0").await;
    }
    assert_eq!(house.ledger.accepted().len(), SESSIONS);
}
