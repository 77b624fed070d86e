#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
//! The Redis store against a real server.

use servers::RedisServer;
use store::{RedisStore, StoreError, StoreOptions, Time};

async fn connect(url: &str) -> Result<RedisStore, StoreError> {
    RedisStore::connect(url, StoreOptions::default(), Time::Server).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_server_with_our_functions_is_used() {
    let server = RedisServer::start("").await.unwrap();
    let refused = connect(&server.url()).await.err().expect("no functions");
    assert!(refused.to_string().contains("rohrpost init"), "{refused}");
    store::init(&server.url()).await.unwrap();
    store::init(&server.url()).await.unwrap();
    connect(&server.url()).await.unwrap();
}
