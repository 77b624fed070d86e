//! One attempt against scripted hosts: what each reply makes of a recipient.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::net::{Ipv6Addr, SocketAddr};

use message::{Body, Notify};
use world::{Say, Sink, World};

const OK: &str = "Relayed { dsn: false } 2.0.0";

#[tokio::test]
async fn a_message_is_relayed_octet_by_octet() {
    let (mut world, sink) = World::with_sink().await;
    world.start();
    let key = world.send(&["bob@example.org", "carol@example.org"]).await;
    assert_eq!(world.settled(key).await, [OK, OK]);
    let mails = sink.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].from, "alice@us.example");
    assert_eq!(mails[0].to, ["bob@example.org", "carol@example.org"]);
    let expected = "Received: from test\r\nSubject: hi\r\n\r\n.dot\r\nlast line\r\n";
    assert_eq!(mails[0].content, expected);
    world.stop().await;
    assert_eq!(sink.commands().last().unwrap(), "QUIT");
    let log = world.job(key).await.log;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].result, "relayed to 2: 250 2.0.0 queued");
    assert_eq!(log[0].peer, Some(sink.address()));
}

#[tokio::test]
async fn a_copy_names_the_aliases_that_pass_it_on() {
    let (mut world, sink) = World::with_sink().await;
    let aliases = ["all@us.example", "gr\u{fc}n@us.example", "team@us.example"];
    world.passed_on_by = aliases.map(|alias| alias.parse().unwrap()).to_vec();
    sink.offer(&["SIZE 1000"]);
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    assert_eq!(world.settled(key).await, [OK]);
    let content = &sink.mails()[0].content;
    let fields = "Delivered-To: team@us.example\r\nDelivered-To: all@us.example\r\n";
    let message = content.strip_prefix(fields).unwrap();
    assert!(
        message.starts_with("Received: from test\r\nSubject: hi\r\n"),
        "{message}"
    );
    let mail = "MAIL FROM:<alice@us.example> SIZE=";
    let commands = sink.commands();
    let size = commands
        .iter()
        .find_map(|command| command.strip_prefix(mail));
    assert_eq!(size.unwrap().parse(), Ok(content.len()));
}

#[tokio::test]
async fn each_recipient_has_its_own_answer_and_is_never_sent_twice() {
    let (mut world, sink) = World::with_sink().await;
    sink.say("RCPT TO:<bad@", Say::Reply("550 5.1.1 no such user"));
    sink.say_times("RCPT TO:<grey@", Say::Reply("450 4.7.1 come back"), 1);
    world.start();
    let key = world
        .send(&["good@example.org", "bad@example.org", "grey@example.org"])
        .await;
    assert_eq!(
        world.deferred(key).await,
        [OK, "Failed 5.1.1", "Deferred 4.7.1"]
    );
    world
        .settled_within(key, std::time::Duration::from_secs(600))
        .await;
    assert_eq!(world.outcomes(key).await, [OK, "Failed 5.1.1", OK]);
    let to: Vec<_> = sink.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, [["good@example.org"], ["grey@example.org"]]);
}

#[tokio::test]
async fn refusals_of_the_transaction_fail_all_that_remain() {
    for (command, reply) in [
        ("MAIL", "553 5.1.8 bad sender"),
        ("DATA", "554 5.5.1 no"),
        (".", "554 5.7.1 spam"),
    ] {
        let (mut world, sink) = World::with_sink().await;
        sink.say("RCPT TO:<bad@", Say::Reply("550 5.1.1 no such user"));
        sink.say(command, Say::Reply(reply));
        world.start();
        let key = world.send(&["bob@example.org", "bad@example.org"]).await;
        let failed = format!("Failed {}", &reply[4..9]);
        let outcomes = world.settled(key).await;
        assert_eq!(outcomes[0], failed, "{command}");
        assert!(
            outcomes[1].starts_with("Failed 5."),
            "{command}: {}",
            outcomes[1]
        );
        assert!(sink.mails().is_empty());
    }
}

#[tokio::test]
async fn too_many_recipients_go_at_once_in_another_transaction() {
    let (mut world, sink) = World::with_sink().await;
    sink.say_times("RCPT TO:<c@", Say::Reply("452 4.5.3 too many"), 1);
    world.start();
    let key = world
        .send(&["a@example.org", "b@example.org", "c@example.org"])
        .await;
    assert_eq!(world.settled(key).await, [OK, OK, OK]);
    assert_eq!(sink.mails().len(), 2);
    assert_eq!(sink.connections(), 1);
}

#[tokio::test]
async fn a_full_mailbox_is_not_too_many_recipients() {
    let (mut world, sink) = World::with_sink().await;
    sink.say("RCPT", Say::Reply("452 4.2.2 full"));
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    assert_eq!(world.deferred(key).await, ["Deferred 4.2.2"]);
    assert_eq!(sink.connections(), 1);
}

/// Two hosts of one domain, of which the first does `say` at `command`.
async fn two_hosts(command: &'static str, say: Say) -> (World, Sink, Sink) {
    let mut world = World::new().await;
    let first = Sink::start().await;
    let port = first.address().port();
    let second = Sink::start_at(([127, 0, 0, 2], port).into()).await;
    world.config.relay.port = port;
    world.config.relay.connect_timeout = world::seconds(5);
    world.zone = "
        example.org MX 10 mx1.example.org
        example.org MX 20 mx2.example.org
        mx1.example.org A 127.0.0.1
        mx2.example.org A 127.0.0.2
    "
    .into();
    first.say(command, say);
    (world, first, second)
}

#[tokio::test]
async fn a_host_that_refuses_the_session_is_passed_over() {
    for (command, say) in [
        ("greeting", Say::Reply("554 5.3.2 no mail here")),
        ("greeting", Say::Reply("421 4.3.2 busy")),
        ("greeting", Say::Close),
        ("EHLO", Say::Reply("451 4.3.0 trouble")),
        ("MAIL", Say::Reply("421 4.3.2 shutting down")),
        ("RCPT", Say::Close),
    ] {
        let what = format!("{say:?} at {command}");
        let (mut world, first, second) = two_hosts(command, say).await;
        world.start();
        let key = world.send(&["bob@example.org"]).await;
        assert_eq!(world.settled(key).await, [OK], "{what}");
        assert!(
            first.mails().is_empty() && second.mails().len() == 1,
            "{what}"
        );
        let log = world.job(key).await.log;
        assert_eq!(log.len(), 2, "{what}: {log:?}");
    }
}

#[tokio::test]
async fn a_host_that_may_have_the_message_is_not_passed_over() {
    let (mut world, first, second) = two_hosts(".", Say::Close).await;
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    assert_eq!(world.deferred(key).await, ["Deferred 4.4.2"]);
    assert_eq!((first.connections(), second.connections()), (1, 0));
}

#[tokio::test]
async fn a_refused_recipient_keeps_its_answer_when_the_host_leaves() {
    let (mut world, first, second) = two_hosts("RCPT TO:<bad@", Say::Reply("550 5.1.1 no")).await;
    first.offer(&[]);
    first.say("RCPT TO:<bob@", Say::Reply("421 4.3.2 bye"));
    world.start();
    let key = world.send(&["bad@example.org", "bob@example.org"]).await;
    assert_eq!(world.settled(key).await, ["Failed 5.1.1", OK]);
    assert_eq!(second.mails()[0].to, ["bob@example.org"]);
}

#[tokio::test]
async fn a_host_is_reached_by_an_alias_and_by_ipv6_where_ipv4_fails() {
    let mut world = World::new().await;
    let sink = Sink::start_at((Ipv6Addr::LOCALHOST, 0).into()).await;
    world.config.relay.port = sink.address().port();
    // Nobody listens at the IPv4 address.
    world.zone = "
        example.org CNAME real.example
        real.example MX 10 mx.real.example
        mx.real.example A 127.0.0.3
        mx.real.example AAAA ::1
    "
    .into();
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    assert_eq!(world.settled(key).await, [OK]);
    assert_eq!(sink.mails().len(), 1);
}

#[tokio::test]
async fn dns_says_no() {
    let (mut world, sink) = World::with_sink().await;
    let everywhere = SocketAddr::from(([0, 0, 0, 0], sink.address().port()));
    world.config.smtp.mx = vec![everywhere.into()];
    world.zone = "
        null.example MX 0 .
        empty.example MX 10 nowhere.example
        loop.example MX 10 us.example
        us.example A 192.0.2.1
        alias.example MX 10 ourselves.example
        ourselves.example A 127.0.0.1
        shaky.example SERVFAIL
    "
    .into();
    world.start();
    for (destination, expected) in [
        ("null.example", "Failed 5.1.10"),
        ("gone.example", "Failed 5.1.2"),
        ("empty.example", "Failed 5.4.4"),
        ("loop.example", "Failed 5.4.6"),
        ("alias.example", "Failed 5.4.6"),
    ] {
        let key = world
            .send_to(destination, &["bob@null.example"], |_| {})
            .await;
        assert_eq!(world.settled(key).await, [expected], "{destination}");
    }
    let key = world
        .send_to("shaky.example", &["bob@shaky.example"], |_| {})
        .await;
    assert_eq!(world.deferred(key).await, ["Deferred 4.4.3"]);
    assert_eq!(sink.connections(), 0);
}

#[tokio::test]
async fn tls_is_used_where_offered_and_clear_where_it_fails() {
    for broken in [false, true] {
        let (mut world, sink) = World::with_sink().await;
        sink.offer(&["STARTTLS", "8BITMIME"]);
        if broken {
            sink.say("tls", Say::Close);
        }
        world.start();
        let key = world.send(&["bob@example.org"]).await;
        assert_eq!(world.settled(key).await, [OK]);
        assert_eq!(sink.mails()[0].tls, !broken);
        assert_eq!(sink.connections(), if broken { 2 } else { 1 });
        let tls = world.job(key).await.log.pop().unwrap().tls;
        assert_eq!(tls.as_deref(), (!broken).then_some("TLSv1.3"));
    }
}

#[tokio::test]
async fn tls_is_not_used_where_the_policy_says_so() {
    let (mut world, sink) = World::with_sink().await;
    world.config.relay.tls = config::TlsPolicy::None;
    sink.offer(&["STARTTLS"]);
    world.start();
    let key = world.send(&["bob@example.org"]).await;
    assert_eq!(world.settled(key).await, [OK]);
    assert!(!sink.mails()[0].tls);
}

#[tokio::test]
async fn what_a_host_cannot_carry_fails() {
    for (offers, utf8, expected) in [
        (&["SIZE 10"][..], false, "Failed 5.3.4"),
        (&["PIPELINING"], false, "Failed 5.6.3"),
        (&["8BITMIME"], true, "Failed 5.6.7"),
    ] {
        let (mut world, sink) = World::with_sink().await;
        sink.offer(offers);
        world.start();
        let change = |envelope: &mut message::Envelope| {
            envelope.smtputf8 = utf8;
            envelope.body = match offers[0] {
                "SIZE 10" => Body::SevenBit,
                _ => Body::EightBit,
            };
        };
        let key = world
            .send_to("example.org", &["bob@example.org"], change)
            .await;
        assert_eq!(world.settled(key).await, [expected]);
        assert!(sink.mails().is_empty());
    }
}

#[tokio::test]
async fn dsn_parameters_are_passed_on_and_success_is_the_hosts_to_report() {
    let (mut world, sink) = World::with_sink().await;
    sink.offer(&["DSN"]);
    world.start();
    let change = |envelope: &mut message::Envelope| {
        envelope.recipients[0].notify = Notify::When {
            success: true,
            failure: false,
            delay: false,
        };
        envelope.recipients[0].orcpt = Some("rfc822;b+ob@example.org".parse().unwrap());
        envelope.envelope_id = Some("id 1".parse().unwrap());
        envelope.ret = Some(message::Ret::Full);
    };
    let key = world
        .send_to("example.org", &["bob@example.org"], change)
        .await;
    assert_eq!(world.settled(key).await, ["Relayed { dsn: true } 2.0.0"]);
    let commands = sink.commands();
    assert!(commands.contains(&"MAIL FROM:<alice@us.example> RET=FULL ENVID=id+201".into()));
    let rcpt = "RCPT TO:<bob@example.org> NOTIFY=SUCCESS ORCPT=rfc822;b+2Bob@example.org";
    assert!(commands.contains(&rcpt.into()), "{commands:?}");
}
