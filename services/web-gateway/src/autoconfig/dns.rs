//! What DNS must say of a domain, so that it gets mail and its clients find their
//! way.

use config::{ClientProtocol, Offer};
use message::Domain;

use crate::api::DnsRecord;

/// The records of a domain. `host` takes its mail; clients are offered `offers`.
pub(crate) fn records(domain: &Domain, host: &Domain, offers: &[Offer]) -> Vec<DnsRecord> {
    let record = |below: &str, kind: &str, value: String| DnsRecord {
        name: match below {
            "" => format!("{domain}."),
            below => format!("{below}.{domain}."),
        },
        kind: kind.to_owned(),
        value,
    };
    let clients_host = offers.first().map_or(host, |offer| &offer.host);
    let mut records = vec![
        record("", "MX", format!("10 {host}.")),
        record("", "TXT", "\"v=spf1 mx -all\"".to_owned()),
        record(
            "_dmarc",
            "TXT",
            format!("\"v=DMARC1; p=none; rua=mailto:postmaster@{domain}\""),
        ),
        record("autoconfig", "CNAME", format!("{clients_host}.")),
        record("autodiscover", "CNAME", format!("{clients_host}.")),
        record(
            "_autodiscover._tcp",
            "SRV",
            format!("0 1 443 {clients_host}."),
        ),
    ];
    for (service, protocol, implicit_tls) in [
        ("_imaps", ClientProtocol::Imap, true),
        ("_imap", ClientProtocol::Imap, false),
        ("_pop3s", ClientProtocol::Pop3, true),
        ("_pop3", ClientProtocol::Pop3, false),
        ("_submissions", ClientProtocol::Submission, true),
        ("_submission", ClientProtocol::Submission, false),
    ] {
        let wanted =
            |offer: &&Offer| offer.protocol == protocol && offer.implicit_tls == implicit_tls;
        // A single dot says that there is no such service (RFC 6186 §3.4).
        let value = offers.iter().find(wanted).map_or_else(
            || "0 0 0 .".to_owned(),
            |offer| {
                // TLS from the start is preferred (RFC 8314 §5.1).
                let priority = if implicit_tls { 0 } else { 10 };
                format!("{priority} 1 {} {}.", offer.port, offer.host)
            },
        );
        records.push(record(&format!("{service}._tcp"), "SRV", value));
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_its_records() {
        let host: Domain = "mail.example.net".parse().unwrap();
        let domain = "example.org".parse().unwrap();
        let offer = Offer {
            protocol: ClientProtocol::Imap,
            implicit_tls: true,
            host: host.clone(),
            port: 993,
        };
        let lines: Vec<_> = records(&domain, &host, &[offer])
            .iter()
            .map(|record| format!("{} {} {}", record.name, record.kind, record.value))
            .collect();
        let has = |line: &str| assert!(lines.iter().any(|have| have == line), "{lines:#?}");
        has("example.org. MX 10 mail.example.net.");
        has("autoconfig.example.org. CNAME mail.example.net.");
        has("_imaps._tcp.example.org. SRV 0 1 993 mail.example.net.");
        has("_pop3._tcp.example.org. SRV 0 0 0 .");
    }
}
