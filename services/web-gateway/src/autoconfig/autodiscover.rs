//! Autodiscover in its plain form ([MS-OXDSCLI]), which Outlook and Windows Mail
//! ask for.

use config::{ClientProtocol, Offer};
use message::Address;

use super::Answer;
use super::xml::{Document, unescape};

const RESPONSE: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
const OUTLOOK: &str =
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/// The address that a request asks for.
pub(super) fn address(request: &str) -> Option<Address> {
    let (_, rest) = request.split_once("<EMailAddress>")?;
    let (address, _) = rest.split_once("</EMailAddress>")?;
    unescape(address.trim()).parse().ok()
}

pub(super) fn document(answer: &Answer, address: &Address) -> String {
    let mut document = Document::new();
    document
        .markup(&format!("<Autodiscover xmlns=\"{RESPONSE}\">\n"))
        .markup(&format!("<Response xmlns=\"{OUTLOOK}\">\n<Account>\n"))
        .text("AccountType", "email")
        .text("Action", "settings");
    for (protocol, kind) in [
        (ClientProtocol::Imap, "IMAP"),
        (ClientProtocol::Pop3, "POP3"),
        (ClientProtocol::Submission, "SMTP"),
    ] {
        // Outlook takes the first of a kind and no other.
        if let Some(offer) = answer.all(protocol).next() {
            server(&mut document, kind, offer, address);
        }
    }
    document.markup("</Account>\n</Response>\n</Autodiscover>\n");
    document.finish()
}

fn server(document: &mut Document, kind: &str, offer: &Offer, address: &Address) {
    document
        .markup("<Protocol>\n")
        .text("Type", kind)
        .text("Server", offer.host.as_str())
        .text("Port", &offer.port.to_string())
        .text("DomainRequired", "off")
        .text("LoginName", &address.to_string())
        .text("SPA", "off");
    match offer.implicit_tls {
        true => document.text("SSL", "on"),
        false => document.text("SSL", "off").text("Encryption", "TLS"),
    };
    document.text("AuthRequired", "on");
    if offer.protocol == ClientProtocol::Submission {
        document.text("UsePOPAuth", "on").text("SMTPLast", "off");
    }
    document.markup("</Protocol>\n");
}

/// What a request without an address gets.
pub(super) fn invalid_request() -> String {
    let mut document = Document::new();
    document
        .markup(&format!(
            "<Autodiscover xmlns=\"{RESPONSE}\">\n<Response>\n"
        ))
        .markup("<Error Time=\"00:00:00\" Id=\"1\">\n")
        .text("ErrorCode", "600")
        .text("Message", "Invalid Request")
        .markup("<DebugData />\n</Error>\n</Response>\n</Autodiscover>\n");
    document.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_a_request() {
        let request = "<?xml version=\"1.0\"?><Autodiscover><Request>\
                       <EMailAddress> o&apos;hara@example.org </EMailAddress>\
                       </Request></Autodiscover>";
        let found = address(request).unwrap();
        assert_eq!(found.to_string(), "o'hara@example.org");
        assert_eq!(address("<EMailAddress>nobody</EMailAddress>"), None);
        assert_eq!(address(""), None);
    }
}
