//! The bus on a real nats-server: the contract, and what dies.

mod faults;

use bus::BusError;
use servers::{Broker, NatsCluster, NatsServer};

async fn server() -> NatsServer {
    NatsServer::start("").await.expect("nats-server starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_the_contract() {
    let server = server().await;
    let part = std::sync::atomic::AtomicU32::new(0);
    bus::conformance::check_all(|| {
        let part = part.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let url = format!("{}?prefix=part{part}", server.url());
        async move { faults::fresh(&url).await }
    })
    .await;
}

#[tokio::test]
async fn the_server_dies_between_steps() {
    let mut server = server().await;
    faults::the_broker_dies_between_steps(&mut server, "ack_wait=1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_dies_under_load() {
    let mut server = server().await;
    faults::the_broker_dies_under_load(&mut server, "ack_wait=1", 6).await;
}

/// The node that leads the stream dies, the others elect another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_dies_under_load() {
    let mut cluster = NatsCluster::start("mail-local").await.expect("it starts");
    faults::the_broker_dies_under_load(&mut cluster, "replicas=3&ack_wait=2", 2).await;
    let differs = async {
        loop {
            match bus::connect(&cluster.url()).await.err() {
                // Other topics may still be without a leader.
                Some(BusError::Unavailable(_)) => {}
                told => return told,
            }
        }
    };
    let differs = tokio::time::timeout(faults::DEADLINE, differs).await;
    let Some(BusError::Drift(differs)) = differs.expect("leaders are elected") else {
        panic!("the topics differ");
    };
    assert!(differs.contains("replicas is 3, not 1"), "{differs}");
}

#[tokio::test]
async fn a_consumer_leaves_while_working() {
    let server = server().await;
    let bus = faults::fresh(&server.url()).await;
    faults::a_consumer_leaves_while_working(&bus).await;
}

#[tokio::test]
async fn a_consumer_is_killed_while_working() {
    let server = server().await;
    let url = format!("{}?ack_wait=1", server.url());
    let bus = faults::fresh(&url).await;
    faults::a_consumer_is_killed_while_working(&bus, &url).await;
}

#[tokio::test]
async fn a_full_topic_refuses() {
    let server = server().await;
    faults::a_full_topic_refuses(&format!("{}?prefix=full", server.url()), 20).await;
}

#[tokio::test]
async fn what_differs_is_told_and_made_right() {
    let server = server().await;
    let Err(BusError::Drift(missing)) = bus::connect(&server.url()).await else {
        panic!("there are no topics");
    };
    assert!(missing.contains("no stream mail-accepted"), "{missing}");
    bus::init(&server.url()).await.expect("they are made");
    bus::init(&server.url()).await.expect("they are right");
    let bus = bus::connect(&server.url()).await.expect("they are right");
    faults::leave_a_job(&*bus).await;
    let url = format!("{}?max_jobs=99&ack_wait=3", server.url());
    let Err(BusError::Drift(differs)) = bus::connect(&url).await else {
        panic!("the topics differ");
    };
    for difference in [
        "stream mail-local: max messages is 200000, not 99",
        "consumer mail-local: ack wait is 10s, not 3s",
    ] {
        assert!(differs.contains(difference), "{differs}");
    }
    bus::init(&url).await.expect("they are made right");
    let bus = bus::connect(&url).await.expect("they are right");
    let depth = bus.depth(message::Topic::Accepted).await;
    assert_eq!(depth.expect("a depth"), Some(1), "jobs stay");
}

#[tokio::test]
async fn credentials_stand_in_the_url() {
    let server = NatsServer::start("authorization { user: rohr, password: \"p@st\" }")
        .await
        .expect("nats-server starts");
    let refused = bus::connect(&server.url()).await;
    assert!(matches!(refused, Err(BusError::Unavailable(_))));
    let url = server.url().replace("://", "://rohr:p%40st@");
    faults::fresh(&url).await;
}

#[tokio::test]
async fn it_speaks_tls() {
    let pair = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a pair");
    let files = tempfile::tempdir().expect("a directory");
    let (certificate, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
    std::fs::write(&certificate, pair.cert.pem()).expect("written");
    std::fs::write(&key, pair.signing_key.serialize_pem()).expect("written");
    let settings = format!("tls {{ cert_file: {certificate:?}, key_file: {key:?} }}");
    let server = NatsServer::start(&settings)
        .await
        .expect("nats-server starts");
    let url = server.url().replace("nats://", "tls://");
    let trusting = format!("{url}?ca={}", certificate.display());
    faults::fresh(&trusting).await;
    let suspicious = bus::connect(&url).await;
    assert!(matches!(suspicious, Err(BusError::Unavailable(_))));
}

/// Run by [`faults::a_consumer_is_killed_while_working`].
#[tokio::test]
#[ignore = "a part of another test"]
async fn victim() {
    faults::be_the_victim().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_drained_in_bounded_memory() {
    let server = server().await;
    let bus = faults::fresh(&server.url()).await;
    faults::load::a_backlog_is_drained(&bus, 100_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn measure() {
    let server = server().await;
    let bus = faults::fresh(&server.url()).await;
    faults::load::measure("NATS", &bus).await;
}
