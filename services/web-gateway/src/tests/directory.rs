//! Domains, accounts, aliases.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Bench;

#[tokio::test]
async fn domains_are_added_listed_changed_and_removed() {
    let bench = Bench::new().await;
    for name in ["b.example", "a.example", "c.example"] {
        let domain = json!({"name": name, "postmaster": "pat@a.example"});
        bench
            .post("/api/v1/domains", domain)
            .await
            .with(StatusCode::CREATED);
    }
    let again = json!({"name": "A.EXAMPLE", "postmaster": "other@a.example"});
    let detail = bench
        .post("/api/v1/domains", again)
        .await
        .problem(StatusCode::CONFLICT, "exists");
    assert_eq!(detail, "a.example exists already");

    let first = bench
        .get("/api/v1/domains?limit=2")
        .await
        .with(StatusCode::OK)
        .json();
    assert_eq!(first["items"][0]["name"], "a.example");
    assert_eq!(first["next"], "b.example");
    let rest = bench
        .get("/api/v1/domains?limit=2&after=b.example")
        .await
        .json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert!(rest.get("next").is_none());

    let change = json!({"postmaster": "pat@a.example", "catch_all": "all@a.example"});
    bench
        .put("/api/v1/domains/a.example", change)
        .await
        .with(StatusCode::OK);
    let shown = bench
        .get("/api/v1/domains/a.example")
        .await
        .with(StatusCode::OK)
        .json();
    assert_eq!(shown["catch_all"], "all@a.example");

    bench
        .delete("/api/v1/domains/c.example")
        .await
        .with(StatusCode::NO_CONTENT);
    bench
        .get("/api/v1/domains/c.example")
        .await
        .problem(StatusCode::NOT_FOUND, "missing");
}

#[tokio::test]
async fn a_domain_in_use_stays() {
    let bench = Bench::furnished().await;
    let detail = bench
        .delete("/api/v1/domains/example.org")
        .await
        .problem(StatusCode::CONFLICT, "in-use");
    assert_eq!(
        detail,
        "example.org still has accounts or aliases; remove them first"
    );
}

#[tokio::test]
async fn a_domain_needs_a_postmaster() {
    let bench = Bench::new().await;
    let answer = bench
        .post("/api/v1/domains", json!({"name": "example.org"}))
        .await;
    let detail = answer.problem(StatusCode::BAD_REQUEST, "invalid");
    assert!(
        detail.starts_with("in the body: missing field `postmaster`"),
        "{detail}"
    );
}

#[tokio::test]
async fn accounts_keep_their_password_to_themselves() {
    let bench = Bench::furnished().await;
    let before = bench.get("/api/v1/accounts").await.with(StatusCode::OK);
    let text = String::from_utf8(before.octets.clone()).unwrap();
    assert!(
        !text.contains("argon2") && !text.contains("password"),
        "{text}"
    );
    assert_eq!(before.json()["items"][1]["address"], "bob@example.org");

    let path = "/api/v1/accounts/bob@example.org/password";
    bench
        .put(path, json!({"password": "a new one"}))
        .await
        .with(StatusCode::NO_CONTENT);
    let short = bench.put(path, json!({"password": "short"})).await;
    let detail = short.problem(StatusCode::BAD_REQUEST, "invalid");
    assert_eq!(detail, "a password must have 8 to 256 octets");
    let nobody = "/api/v1/accounts/nobody@example.org/password";
    let answer = bench.put(nobody, json!({"password": "a new one"})).await;
    answer.problem(StatusCode::NOT_FOUND, "missing");
}

#[tokio::test]
async fn a_quota_is_set_and_lifted() {
    let bench = Bench::furnished().await;
    let path = "/api/v1/accounts/bob@example.org";
    for (change, octets, messages) in [
        (json!({"quota": 1_000_000}), json!(1_000_000), Value::Null),
        (
            json!({"quota": null, "message_quota": 7}),
            Value::Null,
            json!(7),
        ),
        (json!({"quota": null}), Value::Null, Value::Null),
    ] {
        bench
            .put(&format!("{path}/quota"), change)
            .await
            .with(StatusCode::NO_CONTENT);
        let account = bench.get(path).await.json();
        assert_eq!(
            (&account["quota"], &account["message_quota"]),
            (&octets, &messages)
        );
    }
}

#[tokio::test]
async fn a_removed_account_leaves_no_mail() {
    let bench = Bench::furnished().await;
    bench.delivered().await;
    let bob = bench.account("bob@example.org").await;
    bench
        .delete("/api/v1/accounts/bob@example.org")
        .await
        .with(StatusCode::NO_CONTENT);
    bench
        .get("/api/v1/accounts/bob@example.org")
        .await
        .problem(StatusCode::NOT_FOUND, "missing");
    assert_eq!(bench.ports.mailboxes.usage(bob).await.unwrap().messages, 0);
}

#[tokio::test]
async fn aliases_stand_for_one_or_many() {
    let bench = Bench::furnished().await;
    let alias =
        json!({"address": "Info@example.org", "targets": ["bob@example.org", "x@example.net"]});
    let added = bench
        .post("/api/v1/aliases", alias)
        .await
        .with(StatusCode::CREATED)
        .json();
    assert_eq!(added["address"], "info@example.org");
    let none = json!({"address": "none@example.org", "targets": []});
    let detail = bench
        .post("/api/v1/aliases", none)
        .await
        .problem(StatusCode::BAD_REQUEST, "invalid");
    assert_eq!(detail, "an alias has 1 to 1000 targets");
    let taken = json!({"address": "bob@example.org", "targets": ["x@example.net"]});
    bench
        .post("/api/v1/aliases", taken)
        .await
        .problem(StatusCode::CONFLICT, "exists");
    let list = bench.get("/api/v1/aliases").await.json();
    assert_eq!(list["items"][0]["targets"][1], "x@example.net");
    bench
        .delete("/api/v1/aliases/info@example.org")
        .await
        .with(StatusCode::NO_CONTENT);
    bench
        .get("/api/v1/aliases/info@example.org")
        .await
        .problem(StatusCode::NOT_FOUND, "missing");
}

#[tokio::test]
async fn many_accounts_are_imported_once() {
    let bench = Bench::furnished().await;
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$cm9ocnBvc3Qtbm9ib2R5\
                $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let account = |name: &str, credentials| json!({"address": format!("{name}@example.org"), "credentials": credentials});
    let mut accounts = vec![
        account("Alice", json!({"password": "does not matter"})),
        account("carl", json!({"password": "correct horse"})),
        account("dora", json!({"hash": hash})),
        account("emil", json!({"hash": "{SSHA}nonsense"})),
        account("fritz", json!({"password": "short"})),
        json!({"address": "gus@elsewhere.example"}),
        json!({"address": "hans@example.org", "quota": 1000}),
    ];
    let import = json!({ "accounts": accounts });
    for (added, present) in [(3, 1), (0, 4)] {
        let done = bench
            .post("/api/v1/accounts/import", import.clone())
            .await
            .with(StatusCode::OK)
            .json();
        assert_eq!(
            (&done["added"], &done["present"]),
            (&json!(added), &json!(present))
        );
        let refused = done["refused"].as_array().unwrap().iter();
        let mut refused: Vec<_> = refused
            .map(|one| one["address"].as_str().unwrap())
            .collect();
        refused.sort_unstable();
        let expected = [
            "emil@example.org",
            "fritz@example.org",
            "gus@elsewhere.example",
        ];
        assert_eq!(refused, expected);
    }
    accounts = (0..1001)
        .map(|n| account(&n.to_string(), json!(null)))
        .collect();
    bench
        .post("/api/v1/accounts/import", json!({ "accounts": accounts }))
        .await
        .problem(StatusCode::BAD_REQUEST, "invalid");
}
