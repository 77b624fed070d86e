//! The permissions of `deploy/`: each service can do its own work on the broker,
//! and nothing else is permitted to it.

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, BusError, Outgoing, Published};
use message::{Job, JobKey, MessageId, Topic, TraceContext};
use servers::{Broker, NatsServer, RabbitMq, Secrets};
use tokio::time::{sleep, timeout};

/// How long a broker may take; what is denied is to be told sooner than its
/// silence would be.
const DEADLINE: Duration = Duration::from_secs(4);

/// What a service may do on the bus.
struct Service {
    name: &'static str,
    reads: Option<Topic>,
    writes: &'static [Topic],
    /// Whether it looks at what is buried.
    digs: bool,
}

const WORK: [Topic; 4] = [Topic::Accepted, Topic::Local, Topic::Remote, Topic::Outcome];

const SERVICES: [Service; 7] = [
    Service {
        name: "smtp-ingress",
        reads: None,
        writes: &[Topic::Accepted],
        digs: false,
    },
    Service {
        name: "router",
        reads: Some(Topic::Accepted),
        writes: &Topic::ALL,
        digs: false,
    },
    Service {
        name: "local-delivery",
        reads: Some(Topic::Local),
        writes: &[Topic::Outcome, Topic::Dead],
        digs: false,
    },
    Service {
        name: "remote-relay",
        reads: Some(Topic::Remote),
        writes: &[Topic::Outcome, Topic::Dead],
        digs: false,
    },
    Service {
        name: "dsn-notifier",
        reads: Some(Topic::Outcome),
        writes: &[Topic::Accepted, Topic::Dead],
        digs: false,
    },
    Service {
        name: "web-gateway",
        reads: None,
        writes: &WORK,
        digs: true,
    },
    Service {
        name: "mailbox-access",
        reads: None,
        writes: &[],
        digs: false,
    },
];

fn secrets() -> Secrets {
    let users = SERVICES.iter().map(|service| service.name);
    let users: Vec<_> = users.chain(["admin"]).collect();
    Secrets::of(&users).expect("passwords")
}

#[tokio::test]
async fn nats_permits_each_service_its_own_work_alone() {
    let secrets = secrets();
    let server = NatsServer::deployed(&secrets).await.expect("it starts");
    permissions_are_least(&server.url(), &secrets).await;
}

#[tokio::test]
async fn rabbitmq_permits_each_service_its_own_work_alone() {
    let secrets = secrets();
    let server = RabbitMq::deployed(&secrets).await.expect("it starts");
    permissions_are_least(&server.url(), &secrets).await;
}

async fn permissions_are_least(broker: &str, secrets: &Secrets) {
    made(&secrets.url(broker, "admin")).await;
    let strangers = bus::connect(broker).await;
    assert!(strangers.is_err(), "nobody comes in without a password");
    let router = bus::connect(&secrets.url(broker, "router")).await;
    let router = router.expect("the router connects");
    let buried = router.publish(Topic::Dead, outgoing()).await;
    assert_eq!(buried.expect("the router may"), Published::Taken);
    for service in &SERVICES {
        let url = secrets.url(broker, service.name);
        let bus = bus::connect(&url).await.expect(service.name);
        for topic in Topic::ALL {
            may_publish(service, &*bus, topic).await;
        }
        for topic in WORK {
            may_take(service, &bus, &*router, topic).await;
        }
        may_dig(service, &*bus).await;
        let made = timeout(DEADLINE, bus::init(&format!("{url}&prefix=own"))).await;
        let made = made.expect("an answer").err();
        denied(service, made.as_ref(), "makes topics");
    }
}

async fn may_publish(service: &Service, bus: &dyn Bus, topic: Topic) {
    let published = timeout(DEADLINE, bus.publish(topic, outgoing())).await;
    let published = published.expect("an answer at once");
    match service.writes.contains(&topic) {
        true => assert!(
            matches!(published, Ok(Published::Taken)),
            "{} publishes on {topic}: {published:?}",
            service.name
        ),
        false => denied(service, published.as_ref().err(), "publishes"),
    }
}

/// Takes a job that the router published, and buries one that it cannot read.
async fn may_take(service: &Service, bus: &Arc<dyn Bus>, router: &dyn Bus, topic: Topic) {
    let published = router.publish(topic, outgoing()).await;
    assert_eq!(published.expect("the router may"), Published::Taken);
    let taken = timeout(DEADLINE, async {
        let mut consumer = bus.subscribe(topic, 1).await?;
        let delivery = consumer.next().await?;
        match service.writes.contains(&Topic::Dead) {
            true => delivery.bury("a test").await,
            false => delivery.complete().await,
        }
    });
    let taken = taken.await.expect("an answer at once");
    match service.reads == Some(topic) {
        true => taken.expect(service.name),
        false => denied(service, taken.err().as_ref(), "takes jobs"),
    }
}

async fn may_dig(service: &Service, bus: &dyn Bus) {
    let dead = timeout(DEADLINE, bus.dead(10)).await.expect("an answer");
    if !service.digs {
        return denied(service, dead.err().as_ref(), "reads what is buried");
    }
    let dead = dead.expect("the letters");
    let found = |letter: &&bus::Buried| letter.topic != Topic::Dead;
    let letter = dead.iter().find(found).expect("one that a service buried");
    assert!(bus.revive(letter.id).await.expect("it is given back"));
    let stranger = dead.iter().find(|letter| letter.topic == Topic::Dead);
    let stranger = stranger.expect("one that was published there");
    assert!(bus.forget(stranger.id).await.expect("it is forgotten"));
}

fn denied(service: &Service, error: Option<&BusError>, what: &str) {
    let name = service.name;
    assert!(
        matches!(error, Some(BusError::Denied(_))),
        "{name} {what}: {error:?}"
    );
}

/// Waits until the broker is ready, and makes the topics.
async fn made(url: &str) {
    let made = async {
        while let Err(error) = bus::init(url).await {
            assert!(matches!(error, BusError::Unavailable(_)), "{error}");
            sleep(Duration::from_millis(100)).await;
        }
        bus::init(url).await.expect("once more, to no effect");
    };
    let patience = Duration::from_secs(60);
    timeout(patience, made).await.expect("the topics are made");
}

fn outgoing() -> Outgoing {
    let message = MessageId::from_bits(1);
    Outgoing {
        job: Job {
            key: JobKey::route(message),
            generation: 0,
        },
        publication: 0,
        trace: TraceContext {
            trace: message,
            span: 1,
            sampled: false,
        },
    }
}
