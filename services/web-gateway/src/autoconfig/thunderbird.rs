//! `config-v1.1.xml`, which Thunderbird, K-9, Evolution and others ask for. They
//! put the address in themselves.

use config::{ClientProtocol, Offer};

use super::Answer;
use super::xml::{Document, escape};

pub(super) fn document(answer: &Answer) -> String {
    let domain = escape(answer.domain.as_str());
    let mut document = Document::new();
    document
        .markup("<clientConfig version=\"1.1\">\n")
        .markup(&format!("<emailProvider id=\"{domain}\">\n"))
        .text("domain", answer.domain.as_str())
        .text("displayName", answer.domain.as_str())
        .text("displayShortName", answer.domain.as_str());
    for (protocol, element, kind) in [
        (ClientProtocol::Imap, "incomingServer", "imap"),
        (ClientProtocol::Pop3, "incomingServer", "pop3"),
        (ClientProtocol::Submission, "outgoingServer", "smtp"),
    ] {
        for offer in answer.all(protocol) {
            server(&mut document, element, kind, offer);
        }
    }
    document.markup("</emailProvider>\n</clientConfig>\n");
    document.finish()
}

fn server(document: &mut Document, element: &str, kind: &str, offer: &Offer) {
    let security = match offer.implicit_tls {
        true => "SSL",
        false => "STARTTLS",
    };
    document
        .markup(&format!("<{element} type=\"{kind}\">\n"))
        .text("hostname", offer.host.as_str())
        .text("port", &offer.port.to_string())
        .text("socketType", security)
        .text("authentication", "password-cleartext")
        .text("username", "%EMAILADDRESS%")
        .markup(&format!("</{element}>\n"));
}
