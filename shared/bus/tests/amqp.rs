//! The bus on a real RabbitMQ: the contract, and what dies. The node takes
//! seconds to start, so what leaves it alive shares one.

mod faults;

use bus::BusError;
use servers::{Broker, RabbitMq};

async fn server() -> RabbitMq {
    RabbitMq::start("").await.expect("rabbitmq-server starts")
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

    let url = format!("{}?prefix=faults", server.url());
    let bus = faults::fresh(&url).await;
    faults::a_consumer_leaves_while_working(&bus).await;
    faults::a_consumer_is_killed_while_working(&bus, &url).await;
    faults::a_full_topic_refuses(&format!("{}?prefix=full", server.url()), 20).await;
    what_differs_is_told_and_made_right(&server).await;
}

async fn what_differs_is_told_and_made_right(server: &RabbitMq) {
    let url = format!("{}?prefix=drift", server.url());
    let Err(BusError::Drift(missing)) = bus::connect(&url).await else {
        panic!("there are no topics");
    };
    assert!(
        missing.contains("no queue drift.mail.accepted"),
        "{missing}"
    );
    assert!(missing.contains("no exchange drift.mail.dead"), "{missing}");
    bus::init(&url).await.expect("they are made");
    bus::init(&url).await.expect("they are right");
    let other = format!("{url}&max_jobs=99");
    // Nobody uses them yet, so they are made anew.
    let bus = faults::fresh(&other).await;
    faults::leave_a_job(&*bus).await;
    for (what, told) in [
        ("a queue with jobs is not deleted", bus::init(&url).await),
        ("nor used", bus::connect(&url).await.map(drop)),
    ] {
        let Err(BusError::Drift(differs)) = told else {
            panic!("{what}: {told:?}");
        };
        assert!(differs.contains("x-max-length"), "{differs}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_dies_between_steps() {
    let mut server = server().await;
    faults::the_broker_dies_between_steps(&mut server, "prefix=steps").await;
    faults::the_broker_dies_under_load(&mut server, "prefix=load", 1).await;
}

#[tokio::test]
async fn it_speaks_tls() {
    let pair = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a pair");
    let files = tempfile::tempdir().expect("a directory");
    let (certificate, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
    std::fs::write(&certificate, pair.cert.pem()).expect("written");
    std::fs::write(&key, pair.signing_key.serialize_pem()).expect("written");
    let port = servers::Port::reserve().expect("a port");
    let address = port.address();
    let settings = format!(
        "listeners.ssl.default = {address}\nssl_options.certfile = {}\nssl_options.keyfile = {}\n",
        certificate.display(),
        key.display()
    );
    let _server = RabbitMq::start(&settings).await.expect("it starts");
    let url = format!("amqps://{address}");
    faults::fresh(&format!("{url}?ca={}", certificate.display())).await;
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
    faults::load::measure("RabbitMQ", &bus).await;
}
