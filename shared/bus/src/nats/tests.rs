//! What only the adapter itself can try: octets that are no job, and requests
//! that expire.

use std::time::Duration;

use message::{Job, JobKey, MessageId, TraceContext};
use servers::{Broker as _, NatsServer, Secrets};
use tokio::time::timeout;

use super::pull::{Consumer, Pace};
use super::*;
use crate::url::Engine;

const DEADLINE: Duration = Duration::from_secs(20);

async fn bus(settings: &str) -> (NatsServer, NatsBus) {
    let server = NatsServer::start(settings)
        .await
        .expect("nats-server starts");
    let Ok(Engine::Nats(broker)) = Engine::parse(&server.url()) else {
        panic!("not a URL of NATS");
    };
    init(&broker).await.expect("the topics are made");
    let bus = NatsBus::connect(&broker).await.expect("they are right");
    (server, bus)
}

fn outgoing(publication: u32) -> Outgoing {
    let message = MessageId::from_bits(1);
    Outgoing {
        job: Job {
            key: JobKey::route(message),
            generation: 0,
        },
        publication,
        trace: TraceContext {
            trace: message,
            span: 1,
            sampled: false,
        },
    }
}

async fn next(consumer: &mut dyn Subscription) -> Result<crate::Delivery, BusError> {
    timeout(DEADLINE, consumer.next()).await.expect("an answer")
}

#[tokio::test]
async fn what_is_no_job_ends_in_mail_dead() {
    let (_server, bus) = bus("").await;
    let garbage = Bytes::from_static(b"{\"v\":1,");
    let published = bus
        .0
        .publish(Topic::Local, garbage.clone(), HeaderMap::new());
    assert_eq!(published.await.unwrap(), Published::Taken);
    let mut consumer = bus.subscribe(Topic::Local, 1).await.unwrap();
    let delivery = next(&mut *consumer).await.unwrap();
    let error = Job::decode(&delivery.payload).unwrap_err().to_string();
    delivery.bury(&format!("{error}\r\nBcc: x")).await.unwrap();
    assert_eq!(bus.depth(Topic::Dead).await.unwrap(), Some(1));
    let stream = bus.0.jetstream.get_stream("mail-dead").await.unwrap();
    let dead = stream.get_raw_message(1).await.unwrap();
    assert_eq!(dead.payload, garbage);
    let header = |name| {
        dead.headers
            .get(name)
            .map(|value| value.as_str().to_owned())
    };
    assert_eq!(header(wire::REASON), Some(format!("{error}  Bcc: x")));
    assert_eq!(header(wire::FOUND_ON), Some("mail.local".to_owned()));
}

#[tokio::test]
async fn only_repeats_of_one_publication_are_dropped() {
    let (_server, bus) = bus("").await;
    for publication in [0, 0, 1, 0, 1] {
        let published = bus.publish(Topic::Accepted, outgoing(publication)).await;
        assert_eq!(published.unwrap(), Published::Taken);
    }
    assert_eq!(bus.depth(Topic::Accepted).await.unwrap(), Some(2));
}

#[tokio::test]
async fn what_is_too_large_is_refused_with_the_limit() {
    let (_server, bus) = bus("max_payload: 4000").await;
    let large = |size| Bytes::from(vec![b' '; size]);
    for (limit, topic) in [(4000, Topic::Local), (4000, Topic::Dead)] {
        let refused = bus.0.publish(topic, large(5000), HeaderMap::new()).await;
        assert!(
            matches!(refused, Err(BusError::TooLarge { size: 5000, limit: l }) if l == limit),
            "{refused:?}"
        );
    }
    let (_server, bus) = self::bus("").await;
    let refused = bus
        .0
        .publish(Topic::Local, large(5000), HeaderMap::new())
        .await;
    assert!(
        matches!(
            refused,
            Err(BusError::TooLarge {
                size: 5000,
                limit: wire::MAX_JOB
            })
        ),
        "{refused:?}"
    );
}

/// Requests end and are made again; never is more out than may be.
#[tokio::test]
async fn requests_that_expire_are_made_again() {
    let (_server, bus) = bus("").await;
    let hasty = Pace {
        expires: Duration::from_millis(60),
        heartbeat: Duration::from_millis(20),
        silence: Duration::from_secs(5),
    };
    let mut consumer = Consumer::start(&bus.0, Topic::Local, 2, hasty)
        .await
        .unwrap();
    let idle = timeout(Duration::from_secs(1), consumer.next()).await;
    assert!(idle.is_err(), "nothing comes, nothing fails");
    for publication in 0..4 {
        bus.publish(Topic::Local, outgoing(publication))
            .await
            .unwrap();
    }
    let first = next(&mut consumer).await.unwrap();
    let _second = next(&mut consumer).await.unwrap();
    let third = timeout(Duration::from_millis(500), consumer.next()).await;
    assert!(third.is_err(), "only two are out at a time");
    assert_eq!(bus.depth(Topic::Local).await.unwrap(), Some(2));
    first.complete().await.unwrap();
    next(&mut consumer).await.unwrap().complete().await.unwrap();
    next(&mut consumer).await.unwrap().complete().await.unwrap();
}

#[tokio::test]
async fn a_consumer_that_was_deleted_is_told_and_found_again() {
    let (server, bus) = bus("").await;
    let mut consumer = bus.subscribe(Topic::Local, 2).await.unwrap();
    let stream = bus.0.jetstream.get_stream("mail-local").await.unwrap();
    stream.delete_consumer("mail-local").await.unwrap();
    assert!(next(&mut *consumer).await.is_err(), "it is told");
    crate::init(&server.url()).await.unwrap();
    bus.publish(Topic::Local, outgoing(0)).await.unwrap();
    let found = async {
        loop {
            if let Ok(delivery) = consumer.next().await {
                return delivery;
            }
        }
    };
    let delivery = timeout(DEADLINE, found).await.unwrap();
    delivery.complete().await.unwrap();
}

/// With `deploy/`, nobody can listen to topics or to the answers of others, nor
/// touch streams beyond the port.
#[tokio::test]
async fn nobody_listens_to_others() {
    let users = [
        "smtp-ingress",
        "router",
        "local-delivery",
        "remote-relay",
        "dsn-notifier",
        "web-gateway",
        "mailbox-access",
        "admin",
    ];
    let secrets = Secrets::of(&users).unwrap();
    let server = NatsServer::deployed(&secrets).await.unwrap();
    for user in users {
        let (told, mut complaints) = tokio::sync::mpsc::unbounded_channel();
        let password = std::fs::read_to_string(secrets.file(user)).unwrap();
        let client = ConnectOptions::with_user_and_password(user.into(), password.trim().into())
            .event_callback(move |event| {
                if let Event::ServerError(error) = event {
                    let _ = told.send(error.to_string());
                }
                std::future::ready(())
            })
            .connect(server.url());
        let client = client.await.unwrap();
        let mut deaf = Vec::new();
        for subject in [
            "_INBOX.>".to_owned(),
            format!("_INBOX.{}.>", users[usize::from(user == users[0])]),
            "mail.>".to_owned(),
            "$JS.>".to_owned(),
            ">".to_owned(),
        ] {
            deaf.push(client.subscribe(subject.clone()).await.unwrap());
            let denied = format!("Permissions Violation for Subscription to \"{subject}\"");
            complains(&mut complaints, &denied).await;
        }
        for subject in [
            "$JS.API.STREAM.PURGE.mail-local",
            "$JS.API.STREAM.DELETE.mail-local",
            "$JS.API.STREAM.MSG.GET.mail-local",
            "$JS.API.CONSUMER.DELETE.mail-local.mail-local",
            "$SYS.REQ.SERVER.PING",
        ] {
            client.publish(subject, Bytes::new()).await.unwrap();
            let denied = format!("Permissions Violation for Publish to \"{subject}\"");
            complains(&mut complaints, &denied).await;
        }
    }
}

async fn complains(complaints: &mut tokio::sync::mpsc::UnboundedReceiver<String>, denied: &str) {
    let complaint = timeout(DEADLINE, complaints.recv()).await;
    let complaint = complaint.expect(denied).expect("a connection");
    assert!(complaint.contains(denied), "{complaint}, not {denied}");
}
