//! A configuration profile for Apple's devices: one mail account, by IMAP. It is
//! not signed, and the device asks for the password.

use config::{ClientProtocol, Offer};
use message::{Address, Randomness};

use super::Answer;
use super::xml::Document;

const DOCTYPE: &str = "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
                       \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n";

pub(super) fn document(answer: &Answer, address: &Address, random: &dyn Randomness) -> String {
    let login = address.to_string();
    let mut document = Document::new();
    document
        .markup(DOCTYPE)
        .markup("<plist version=\"1.0\">\n<dict>\n");
    payload(&mut document, "Configuration", answer, random);
    string(
        &mut document,
        "PayloadDisplayName",
        &format!("Mail of {login}"),
    );
    document.markup("<key>PayloadContent</key>\n<array>\n<dict>\n");
    payload(&mut document, "com.apple.mail.managed", answer, random);
    string(&mut document, "EmailAccountType", "EmailTypeIMAP");
    string(&mut document, "EmailAddress", &login);
    string(&mut document, "EmailAccountDescription", &login);
    for (protocol, direction) in [
        (ClientProtocol::Imap, "Incoming"),
        (ClientProtocol::Submission, "Outgoing"),
    ] {
        if let Some(offer) = answer.all(protocol).next() {
            server(&mut document, direction, offer, &login);
        }
    }
    flag(
        &mut document,
        "OutgoingPasswordSameAsIncomingPassword",
        true,
    );
    document.markup("</dict>\n</array>\n</dict>\n</plist>\n");
    document.finish()
}

fn payload(document: &mut Document, kind: &str, answer: &Answer, random: &dyn Randomness) {
    let reversed: Vec<_> = answer.domain.as_str().rsplit('.').collect();
    let identifier = format!("{}.rohrpost.{kind}", reversed.join("."));
    string(document, "PayloadType", kind);
    string(document, "PayloadIdentifier", &identifier);
    string(document, "PayloadUUID", &uuid(random));
    document.markup("<key>PayloadVersion</key><integer>1</integer>\n");
}

fn server(document: &mut Document, direction: &str, offer: &Offer, login: &str) {
    let key = |name: &str| format!("{direction}MailServer{name}");
    string(document, &key("HostName"), offer.host.as_str());
    string(document, &key("Username"), login);
    string(document, &key("Authentication"), "EmailAuthPassword");
    let port = offer.port;
    document.markup(&format!(
        "<key>{}</key><integer>{port}</integer>\n",
        key("PortNumber")
    ));
    // For a device both kinds of TLS are one: it tries.
    flag(document, &key("UseSSL"), true);
}

fn string(document: &mut Document, key: &str, value: &str) {
    document.text("key", key).text("string", value);
}

fn flag(document: &mut Document, key: &str, value: bool) {
    document.text("key", key);
    document.markup(if value { "<true/>\n" } else { "<false/>\n" });
}

/// A random UUID (RFC 9562 §5.4).
fn uuid(random: &dyn Randomness) -> String {
    let mut octets = [0; 16];
    random.fill(&mut octets);
    let bits = u128::from_be_bytes(octets);
    let bits = bits & !(0xf << 76) | 4 << 76;
    let bits = bits & !(0b11 << 62) | 0b10 << 62;
    let digits = format!("{bits:032X}");
    let parts = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    parts.join("-")
}
