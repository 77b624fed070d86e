//! What an operator is told when the bucket cannot be used.

use super::server::{Server, open};
use crate::conformance::{get, put, trailer};
use crate::{ContentStore, Error, Refusal};

fn refusal(error: Option<Error>) -> Option<Refusal> {
    match error {
        Some(Error::Remote { refusal, .. }) => Some(refusal),
        Some(other) => panic!("{other}"),
        None => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_and_wrong_credentials_are_told_at_start() {
    let server = Server::start().await;
    let [right, wrong] = Server::SECRETS;
    for writer in [Some("w"), None] {
        let check = async |bucket: &str, secret: &str, expected| {
            let error = open(&server.url_of(bucket, secret), writer).await.err();
            let text = error.as_ref().map(Error::to_string).unwrap_or_default();
            let all = format!("{error:?}");
            assert_eq!(refusal(error), Some(expected), "{bucket} {writer:?}");
            assert!(text.contains(&format!("s3://{bucket}")), "{text}");
            assert!(
                !all.contains(&format!("{secret:?}")) && !all.contains(right),
                "{all}"
            );
        };
        // This server makes the bucket that is written to.
        if writer.is_none() {
            check("absent", right, Refusal::NoBucket).await;
        }
        check("mail", wrong, Refusal::Denied).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_told_as_such_and_used_again_when_it_is_back() {
    let mut server = Server::start().await;
    let store = server.store("p", Some("w")).await;
    let before = put(&*store, b"before", 10, 1).await;
    let url = server.url("p");
    server.stop().await;
    assert_eq!(
        refusal(open(&url, Some("w")).await.err()),
        Some(Refusal::Unreachable)
    );
    let mut writer = store.create().await.unwrap();
    writer.write(b"lost").await.unwrap();
    let failed = writer.finish(trailer(2)).await.err();
    assert_eq!(refusal(failed), Some(Refusal::Unreachable));
    let failed = get(&*store, &before.id).await.err();
    assert_eq!(refusal(failed), Some(Refusal::Unreachable));
    server.start_again().await;
    assert_eq!(get(&*store, &before.id).await.unwrap().0, b"before");
    put(&*store, b"after", 10, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn https_is_spoken_where_the_endpoint_says_so() {
    let server = Server::start().await;
    let url = server.url("p").to_string().replace("http://", "https://");
    let error = open(&url.parse().unwrap(), None).await.err().unwrap();
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
    let text: Vec<_> = causes.map(ToString::to_string).collect();
    // The server speaks none; that a handshake was tried is what counts.
    assert!(text.concat().contains("InvalidContentType"), "{text:?}");
    assert_eq!(refusal(Some(error)), Some(Refusal::Unreachable));
}
