#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
//! What mailboxes cost in Redis's memory, and what becomes of their numbers when
//! an older copy of the store takes its place.

use std::sync::Arc;
use std::time::Duration;

use message::{AccountId, Clock, MessageId};
use servers::RedisServer;
use store::mailbox::{
    Appended, Cause, Epochs, Flag, FlagChange, MailboxId, MailboxName, NewEntry, Quota, Standing,
};
use store::{MailboxStore, RedisStore, StoreOptions, Time};
use tokio::task::JoinSet;

const ANNA: AccountId = AccountId::from_bits(0xa);

/// Octets of Redis's memory that one message may take, all in.
const PER_MESSAGE: u64 = 400;

const MESSAGES: u64 = 100_000;

/// A message as it is delivered: ids as they are drawn, a sender of usual length.
fn delivery(number: u64) -> NewEntry {
    let clock = message::time::ManualClock::at("2026-11-23T15:05:00Z");
    clock.advance(Duration::from_millis(number * 7));
    let random = message::time::SeededRandomness::new(number);
    let message = MessageId::draw(&clock, &random);
    let writer = MessageId::from_bits(
        0x0190_1234_5678_7abc_8def_0123_4567_89ab + u128::from(number / 5_000),
    );
    NewEntry {
        delivery: Some(message),
        content: format!(
            "smtp-ingress.{writer}.{:08x}.{:08x}",
            number % 5_000 * 9_001,
            9_001
        )
        .parse()
        .unwrap(),
        prefix: format!(
            "Return-Path: <newsletter-{number}@lists.example.net>\r\nDelivered-To: anna@example.org\r\n"
        ),
        size: 9_000 + number % 1_000,
        internal_date: clock.now(),
        flags: Vec::new(),
    }
}

async fn fill(store: &Arc<RedisStore>) {
    const TASKS: u64 = 100;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            for number in (task..MESSAGES).step_by(TASKS as usize) {
                let inbox = MailboxName::inbox();
                let appended = store
                    .append(ANNA, &inbox, delivery(number), Quota::NONE)
                    .await;
                assert!(matches!(appended.unwrap(), Appended::Stored { .. }));
            }
        });
    }
    tasks.join_all().await;
}

async fn connect(server: &RedisServer) -> RedisStore {
    let options = StoreOptions::default();
    RedisStore::connect(&server.url(), options, Time::Server)
        .await
        .unwrap()
}

async fn deliver(store: &RedisStore, number: u64) -> u32 {
    let inbox = MailboxName::inbox();
    match store
        .append(ANNA, &inbox, delivery(number), Quota::NONE)
        .await
        .unwrap()
    {
        Appended::Stored { uid, .. } => uid,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_jump_in_each_process_and_once() {
    let server = RedisServer::start("").await.unwrap();
    store::init(&server.url()).await.unwrap();
    let store = connect(&server).await;
    assert_eq!(deliver(&store, 1).await, 1);
    store.raise_epoch(Cause::Declared).await.unwrap();
    assert_eq!(deliver(&store, 2).await, 1_000_002);
    let another = connect(&server).await;
    assert_eq!(deliver(&another, 3).await, 1_000_003);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_put_in_place_again_and_again_gives_no_number_twice() {
    let mut server = RedisServer::start("").await.unwrap();
    store::init(&server.url()).await.unwrap();
    let store = connect(&server).await;
    assert_eq!(deliver(&store, 1).await, 1);
    let backup = server.copy().unwrap();
    fence_above(&server, &fence(&server)).await;
    for (epoch, uid) in [(1, 1_000_002), (2, 2_000_002)] {
        assert!(deliver(&store, 10 + epoch).await < uid);
        server.kill();
        server.put_back(&backup).unwrap();
        server.start_again().await.unwrap();
        let standing = standing_soon(&store).await;
        assert_eq!((standing.epoch, standing.confirmed), (epoch, 0));
        assert_eq!(standing.cause, Some(Cause::Restored));
        assert!(standing.known_until.is_some());
        assert_eq!(deliver(&store, 20 + epoch).await, uid);
    }
}

/// How the store stands once the server is reached again.
async fn standing_soon(store: &RedisStore) -> Standing {
    let waiting = async {
        loop {
            match store.standing().await {
                Ok(standing) => return standing,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    waited.expect("the server is back")
}

/// The time that processes remember.
fn fence(server: &RedisServer) -> String {
    server
        .ask(&["HGET", "m:{index}:standing", "fence"])
        .unwrap()
}

async fn fence_above(server: &RedisServer, before: &str) {
    let waiting = async {
        while fence(server) == before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    waited.expect("the fence moves on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_leaves_the_epoch_and_a_promoted_replica_raises_it() {
    let mut primary = RedisServer::start("").await.unwrap();
    store::init(&primary.url()).await.unwrap();
    let store = connect(&primary).await;
    deliver(&store, 1).await;
    drop(store);
    primary.kill();
    primary.start_again().await.unwrap();
    let follow = format!("replicaof 127.0.0.1 {}", primary.port());
    let replica = RedisServer::start(&follow).await.unwrap();
    until(&replica, "master_link_status:up").await;
    let store = connect(&primary).await;
    assert_eq!(store.standing().await.unwrap().epoch, 0);
    let followed: u64 = ask(&primary, &["WAIT", "1", "30000"]).await;
    assert_eq!(followed, 1);
    drop(store);
    primary.kill();

    let promoted: String = ask(&replica, &["REPLICAOF", "NO", "ONE"]).await;
    assert_eq!(promoted, "OK");
    let store = connect(&replica).await;
    let standing = store.standing().await.unwrap();
    assert_eq!((standing.epoch, standing.cause), (1, Some(Cause::Promoted)));
    assert_eq!(deliver(&store, 2).await, 1_000_002);
}

async fn ask<T: redis::FromRedisValue>(server: &RedisServer, command: &[&str]) -> T {
    let client = redis::Client::open(server.url()).unwrap();
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    let mut connection = connection.await.unwrap();
    let (name, arguments) = command.split_first().unwrap();
    redis::cmd(name)
        .arg(arguments)
        .query_async(&mut connection)
        .await
        .unwrap()
}

/// Waits until the server's INFO says this of its replication.
async fn until(server: &RedisServer, line: &str) {
    let waiting = async {
        loop {
            let info: String = ask(server, &["INFO", "replication"]).await;
            if info.lines().any(|each| each == line) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting)
        .await
        .expect(line);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_costs_at_most_400_octets() {
    let server = RedisServer::start("appendfsync no").await.unwrap();
    store::init(&server.url()).await.unwrap();
    let store = Arc::new(connect(&server).await);
    let before = used_memory(&server).await;
    fill(&store).await;
    let fresh = (used_memory(&server).await - before) / MESSAGES;

    let seen = FlagChange::Add(vec![
        Flag::Seen,
        Flag::Keyword("$Forwarded".parse().unwrap()),
    ]);
    let uids: Vec<u32> = (1..=MESSAGES as u32).collect();
    store
        .store_flags(ANNA, MailboxId::INBOX, &uids, &seen, None)
        .await
        .unwrap();
    let marked = (used_memory(&server).await - before) / MESSAGES;
    println!("octets per message: {fresh} fresh, {marked} with flags");
    assert!(marked <= PER_MESSAGE && fresh <= PER_MESSAGE);

    let started = tokio::time::Instant::now();
    let states = store
        .states(ANNA, MailboxId::INBOX, 0, usize::MAX)
        .await
        .unwrap();
    assert_eq!(states.len() as u64, MESSAGES);
    println!("all states in {:?}", started.elapsed());
}

async fn used_memory(server: &RedisServer) -> u64 {
    let info: String = ask(server, &["INFO", "memory"]).await;
    let mut lines = info.lines();
    let used = lines.find_map(|line| line.strip_prefix("used_memory_dataset:"));
    used.unwrap().parse().unwrap()
}
