//! Mail that aliases pass on: return paths that are rewritten, and loops.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use std::time::Duration;

use house::{House, Letter, printed};

const PLAIN: &str = "Subject: x\r\n\r\nDelivered-To: away@example.org\r\n";

const HOUSE: &str = "
    domain example.org root@example.org
    domain other.example root@example.org
    account alice@example.org
    account root@example.org
    alias away@example.org carol@remote.example dora@remote.example
    alias far@example.org erik@remote.example
    alias all@example.org away@example.org alice@example.org direct@remote.example
    alias me@example.org alice@example.org
";

fn letter<'a>(from: &'a str, to: &'a [&'a str]) -> Letter<'a> {
    Letter {
        from,
        to,
        content: PLAIN,
    }
}

#[tokio::test]
async fn return_paths_of_others_are_rewritten_where_an_alias_passes_on() {
    let house = House::rewriting(HOUSE, "example.org").await;
    let foreign = letter(
        "<sender@elsewhere.example>",
        &[
            "all@example.org",
            "far@example.org",
            "frank@remote.example",
            "alice@example.org",
        ],
    );
    house
        .check(
            &foreign,
            "
            0: Expanded: Expanded 2.1.5
            0: Account(Exact) by all@example.org to alice@example.org
            0: Dns by all@example.org to direct@remote.example
            0: Dns by all@example.org by away@example.org to carol@remote.example
            0: Dns by all@example.org by away@example.org to dora@remote.example
            1: Dns by far@example.org to erik@remote.example
            2: Dns to frank@remote.example
            3: Account(Exact) to alice@example.org
            job local: alice@example.org[0, 3] expanded[0]
            job remote.example by all@example.org from SRS: direct@remote.example[0] expanded[0]
            job remote.example by all@example.org by away@example.org from SRS: carol@remote.example[0] dora@remote.example[0] expanded[0]
            job remote.example by far@example.org from SRS: erik@remote.example[1]
            job remote.example: frank@remote.example[2]
            "
            .replace("SRS", "<SRS0=FX42S4=JM=elsewhere.example=sender@example.org>")
            .as_str(),
        )
        .await;
}

#[tokio::test]
async fn our_return_paths_and_the_null_one_stay() {
    let house = House::rewriting(HOUSE, "srs.example").await;
    let kept = "
        0: Dns by far@example.org to erik@remote.example
        job remote.example by far@example.org: erik@remote.example[0]
    ";
    let long = format!("<{}@elsewhere.example>", "x".repeat(60));
    for from in ["<>", "<alice@other.example>", "<any@srs.example>", &long] {
        house.check(&letter(from, &["far@example.org"]), kept).await;
    }
    let off = House::open(HOUSE).await;
    off.check(
        &letter("<sender@elsewhere.example>", &["far@example.org"]),
        kept,
    )
    .await;
}

#[tokio::test]
async fn a_notice_to_a_rewritten_return_path_finds_the_sender() {
    let house = House::rewriting(HOUSE, "example.org").await;
    let entry = house
        .entry(&letter("<Sender@elsewhere.example>", &["far@example.org"]))
        .await;
    let job = house.decide(&entry).await.jobs.remove(0);
    let rewritten = job.return_path.address().unwrap().to_string();
    let checks = async |to: &str, expected: String| {
        house.check(&letter("<>", &[to]), &expected).await;
    };
    checks(
        &rewritten,
        format!(
            "0: Dns by {rewritten} to Sender@elsewhere.example
             job elsewhere.example by {rewritten}: Sender@elsewhere.example[0]"
        ),
    )
    .await;
    let forged = rewritten.replace("Sender", "victim");
    checks(&forged, format!("0: Unroutable to {forged}: Failed 5.7.1")).await;
    house.clock.advance(Duration::from_secs(22 * 24 * 60 * 60));
    checks(
        &rewritten,
        format!("0: Unroutable to {rewritten}: Failed 5.1.1"),
    )
    .await;
}

#[tokio::test]
async fn an_alias_passes_a_message_on_once() {
    let house = House::rewriting(HOUSE, "example.org").await;
    let returned = |content| Letter {
        from: "<>",
        to: &["away@example.org", "all@example.org", "me@example.org"],
        content,
    };
    house
        .check(
            &returned(
                "Subject: x\r\ndelivered-to: AWAY@Example.org\r\nDelivered-To: x\r\n\r\nbody",
            ),
            "
            0: Unroutable to away@example.org: Failed 5.4.6
            1: Unroutable to away@example.org: Failed 5.4.6
            1: Expanded: Expanded 2.1.5
            1: Account(Exact) by all@example.org to alice@example.org
            1: Dns by all@example.org to direct@remote.example
            2: Account(Exact) by me@example.org to alice@example.org
            job local: alice@example.org[1, 2] expanded[1]
            job remote.example by all@example.org: direct@remote.example[1] expanded[1]
            ",
        )
        .await;
    house
        .check(
            &returned("Delivered-To: all@example.org\r\nDelivered-To:\r\n away@example.org\r\n"),
            "
            0: Unroutable to away@example.org: Failed 5.4.6
            1: Unroutable to all@example.org: Failed 5.4.6
            2: Account(Exact) by me@example.org to alice@example.org
            job local: alice@example.org[2]
            ",
        )
        .await;
}

#[tokio::test]
async fn local_mail_costs_no_look_at_its_content() {
    let house = House::open(HOUSE).await;
    let direct = letter("<>", &["alice@example.org", "alice@example.org"]);
    let entry = house.entry(&direct).await;
    house
        .content
        .remove(&entry.acceptance.content)
        .await
        .unwrap();
    let route = house.decide(&entry).await;
    assert!(printed(&route, &entry).ends_with("job local: alice@example.org[0, 1]\n"));
}
