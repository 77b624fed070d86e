//! Where recipients go, as text: a house, who is written to, and the route.

mod house;

use house::{House, Letter};

async fn check(lines: &str, recipients: &[&str], expected: &str) {
    let letter = Letter {
        from: "<sender@elsewhere.example>",
        to: recipients,
        content: "Subject: x\r\n\r\nbody\r\n",
    };
    House::open(lines).await.check(&letter, expected).await;
}

const HOUSE: &str = "
    domain example.org root@example.org
    account alice@example.org
    account bob@example.org
    account root@example.org
    alias team@example.org alice@example.org bob@example.org
    alias all@example.org team@example.org carol@remote.example alice@example.org
    alias one@example.org bob@example.org
    alias away@example.org carol@remote.example
    alias ping@example.org pong@example.org
    alias pong@example.org ping@example.org
    alias stale@example.org alice@example.org gone@example.org
    domain any.example root@example.org bob@example.org
";

#[tokio::test]
async fn accounts_and_remote_addresses() {
    check(
        HOUSE,
        &[
            "Alice@Example.org",
            "bob+lists@example.org",
            "x@remote.example",
            "y@via.example",
        ],
        "
        0: Account(Exact) to Alice@example.org
        1: Account(Subaddress) to bob+lists@example.org
        2: Dns to x@remote.example
        3: Smarthost to y@via.example
        job local: Alice@example.org[0] bob+lists@example.org[1]
        job remote.example: x@remote.example[2]
        job smarthost:relay.example:587: y@via.example[3]
        ",
    )
    .await;
}

#[tokio::test]
async fn aliases_expand_and_each_end_gets_one_copy() {
    check(
        HOUSE,
        &["all@example.org", "alice@example.org", "one@example.org"],
        "
        0: Expanded: Expanded 2.1.5
        0: Dns by all@example.org to carol@remote.example
        0: Account(Exact) by all@example.org to alice@example.org
        0: Account(Exact) by all@example.org by team@example.org to bob@example.org
        1: Account(Exact) to alice@example.org
        2: Account(Exact) by one@example.org to bob@example.org
        job remote.example by all@example.org: carol@remote.example[0] expanded[0]
        job local: alice@example.org[0, 1] bob@example.org[0, 2] expanded[0]
        ",
    )
    .await;
    check(
        HOUSE,
        &["away@example.org", "carol@remote.example"],
        "
        0: Dns by away@example.org to carol@remote.example
        1: Dns to carol@remote.example
        job remote.example by away@example.org: carol@remote.example[0, 1]
        ",
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_routed_becomes_an_outcome() {
    check(
        HOUSE,
        &[
            "nobody@example.org",
            "ping@example.org",
            "stale@example.org",
        ],
        "
        0: Unroutable to nobody@example.org: Failed 5.1.1
        1: Unroutable: Failed 5.4.6
        2: Unroutable to gone@example.org: Failed 5.1.1
        2: Account(Exact) by stale@example.org to alice@example.org
        job local: alice@example.org[2]
        ",
    )
    .await;
}

#[tokio::test]
async fn postmaster_and_catch_all_always_resolve() {
    check(
        HOUSE,
        &[
            "POSTMASTER@example.org",
            "abuse@any.example",
            "whoever@any.example",
        ],
        "
        0: Account(Exact) by POSTMASTER@example.org to root@example.org
        1: Account(Exact) by abuse@any.example to root@example.org
        2: Account(Exact) by whoever@any.example to bob@example.org
        job local: root@example.org[0, 1] bob@example.org[2]
        ",
    )
    .await;
}

#[tokio::test]
async fn many_recipients_of_a_destination_are_several_jobs() {
    let recipients: Vec<_> = (0..250).map(|n| format!("r{n}@remote.example")).collect();
    let recipients: Vec<_> = recipients.iter().map(String::as_str).collect();
    let house = House::open(HOUSE).await;
    let letter = Letter {
        from: "<>",
        to: &recipients,
        content: "",
    };
    let route = house.decide(&house.entry(&letter).await).await;
    let sizes: Vec<_> = route.jobs.iter().map(|job| job.recipients.len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
}

#[tokio::test]
async fn case_is_folded_here_and_kept_elsewhere() {
    let house = "
        domain b\u{fc}cher.example root@example.org
        domain example.org root@example.org
        account root@example.org
        account gr\u{fc}n@b\u{fc}cher.example
        alias Gru\u{308}ne@example.org Carol@Remote.example carol@remote.example
    ";
    check(
        house,
        &[
            "GR\u{dc}N@B\u{dc}CHER.example",
            "gru\u{308}n+x@xn--bcher-kva.example",
            "gr\u{fc}ne@EXAMPLE.ORG",
            "X@remote.example",
            "x@REMOTE.example",
        ],
        "
        0: Account(Exact) to GR\u{dc}N@xn--bcher-kva.example
        1: Account(Subaddress) to gru\u{308}n+x@xn--bcher-kva.example
        2: Expanded: Expanded 2.1.5
        2: Dns by gr\u{fc}ne@example.org to Carol@remote.example
        2: Dns by gr\u{fc}ne@example.org to carol@remote.example
        3: Dns to X@remote.example
        4: Dns to x@remote.example
        job local: GR\u{dc}N@xn--bcher-kva.example[0, 1]
        job remote.example by gr\u{fc}ne@example.org: Carol@remote.example[2] carol@remote.example[2] expanded[2]
        job remote.example: X@remote.example[3] x@remote.example[4]
        ",
    )
    .await;
}
