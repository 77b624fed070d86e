//! What every resolver has to answer, asked of each adapter.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use dns::server::ZoneServer;
use dns::{DnsError, Hickory, MailHosts, NameServers, Resolver, Settings, Zone};
use message::Domain;

const ZONE: &str = "
example.org       MX     20 backup.example.org
example.org       MX     10 mx1.example.org.
example.org       MX     10 mx2.example.org
mx1.example.org   A      127.0.0.1
mx1.example.org   AAAA   ::1
mx2.example.org   AAAA   2001:db8::2
alias.example     CNAME  example.org
host.example      CNAME  mx1.example.org
dangling.example  CNAME  nowhere.example.net
circle.example    CNAME  circle.example
nomail.example    MX     0 .
mixed.example     MX     0 .      # against RFC 7505: ignored beside others
mixed.example     MX     5 mx1.example.org
direct.example    A      127.0.0.2
web.example       TXT    exists, nothing else
deep.sub.example  A      127.0.0.3
broken.example    SERVFAIL
silent.example    TIMEOUT
";

fn domain(name: &str) -> Domain {
    name.parse().unwrap()
}

/// One line per answer, so that a failure reads like the table below.
async fn mx(resolver: &dyn Resolver, name: &str) -> String {
    match resolver.mx(&domain(name)).await {
        Ok(MailHosts::Listed(hosts)) => {
            let hosts = hosts
                .iter()
                .map(|mx| format!("{} {}", mx.preference, mx.host));
            hosts.collect::<Vec<_>>().join(", ")
        }
        Ok(MailHosts::Implicit) => "implicit".into(),
        Ok(MailHosts::Null) => "null".into(),
        Err(error) => failure(&error).into(),
    }
}

async fn addresses(resolver: &dyn Resolver, name: &str) -> String {
    match resolver.addresses(&domain(name)).await {
        Ok(found) => found
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
        Err(error) => failure(&error).into(),
    }
}

fn failure(error: &DnsError) -> &'static str {
    match error {
        DnsError::NoSuchName { .. } => "no such name",
        DnsError::NoRecords { .. } => "no records",
        DnsError::Temporary { .. } => "temporary",
    }
}

async fn conforms(resolver: &dyn Resolver) {
    let listed = "10 mx1.example.org, 10 mx2.example.org, 20 backup.example.org";
    for (name, expected) in [
        ("example.org", listed),
        ("alias.example", listed),
        ("nomail.example", "null"),
        ("mixed.example", "5 mx1.example.org"),
        ("direct.example", "implicit"),
        ("host.example", "implicit"),
        ("web.example", "implicit"),
        ("sub.example", "implicit"),
        ("nowhere.example.net", "no such name"),
        ("dangling.example", "no such name"),
        ("circle.example", "temporary"),
        ("broken.example", "temporary"),
        ("silent.example", "temporary"),
    ] {
        assert_eq!(mx(resolver, name).await, expected, "mx of {name}");
    }
    for (name, expected) in [
        ("mx1.example.org", "127.0.0.1, ::1"),
        ("mx2.example.org", "2001:db8::2"),
        ("host.example", "127.0.0.1, ::1"),
        ("[192.0.2.7]", "192.0.2.7"),
        ("[IPv6:2001:db8::7]", "2001:db8::7"),
        ("web.example", "no records"),
        ("nowhere.example.net", "no such name"),
        ("broken.example", "temporary"),
        ("silent.example", "temporary"),
    ] {
        assert_eq!(
            addresses(resolver, name).await,
            expected,
            "addresses of {name}"
        );
    }
}

fn hickory(server: &ZoneServer) -> Hickory {
    Hickory::new(&Settings {
        servers: NameServers::Fixed(vec![server.address()]),
        timeout: Duration::from_millis(200),
        attempts: 1,
        cache: 100,
    })
    .unwrap()
}

#[tokio::test]
async fn the_zone_conforms() {
    conforms(&ZONE.parse::<Zone>().unwrap()).await;
}

#[tokio::test]
async fn hickory_conforms() {
    let server = ZoneServer::start(ZONE.parse().unwrap(), 0).await.unwrap();
    conforms(&hickory(&server)).await;
}

#[tokio::test]
async fn hickory_honours_the_ttl() {
    for (ttl, queries) in [(0, 2), (300, 1)] {
        let server = ZoneServer::start(ZONE.parse().unwrap(), ttl).await.unwrap();
        let resolver = hickory(&server);
        for _ in 0..2 {
            resolver.mx(&domain("example.org")).await.unwrap();
        }
        assert_eq!(server.queries(), queries, "with a TTL of {ttl}");
    }
}

#[test]
fn a_zone_says_which_line_is_wrong() {
    for wrong in [
        "example.org",
        "example.org MX mx",
        "a.b A ::1",
        "a.b A 1.2.3.4 5",
        "a.b NS c.d",
    ] {
        let text = format!("# a comment\n{wrong}\n");
        let error = text.parse::<Zone>().unwrap_err();
        assert!(
            error.to_string().starts_with("line 2 "),
            "{wrong:?}: {error}"
        );
    }
}
