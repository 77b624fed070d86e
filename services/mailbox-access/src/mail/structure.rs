//! BODYSTRUCTURE out of the parts of a message.

use imap::response::{
    BodyStructure, Disposition, EmbeddedMessage, Kind, Leaf, Multipart, Parameters,
};

use super::envelope::envelope;
use super::scan::{Inside, Node};

/// What the node at `at` is made of. The scanner bounds how deep that goes.
pub(super) fn structure(nodes: &[Node], at: usize) -> BodyStructure {
    let node = &nodes[at];
    match node.inside {
        Inside::Parts(_) => BodyStructure::Multipart(multipart(nodes, node)),
        Inside::Octets | Inside::Message => BodyStructure::Leaf(Box::new(leaf(nodes, node))),
    }
}

fn multipart(nodes: &[Node], node: &Node) -> Multipart {
    let parts = node.children.iter();
    Multipart {
        parts: parts.map(|at| structure(nodes, *at)).collect(),
        subtype: octets(&node.mime.subtype),
        parameters: parameters(&node.mime.parameters),
        disposition: disposition(node),
        language: languages(node),
        location: node.mime.location.as_deref().map(octets),
    }
}

fn leaf(nodes: &[Node], node: &Node) -> Leaf {
    let mime = &node.mime;
    let kind = match (&node.inside, node.children.first()) {
        (Inside::Message, Some(child)) => Kind::Message(Box::new(EmbeddedMessage {
            envelope: envelope(&nodes[*child].header),
            structure: structure(nodes, *child),
            lines: lines_of(nodes, *child),
        })),
        _ if mime.is_text() => Kind::Text { lines: node.lines },
        _ => Kind::Basic,
    };
    // A multipart without a boundary, and a message in Base64, are octets.
    let (media_type, subtype) = match (&kind, mime.media_type.to_ascii_lowercase().as_str()) {
        (Kind::Basic, "multipart") => ("application", "octet-stream"),
        (Kind::Basic, "message")
            if mime.is("message", "rfc822") || mime.is("message", "global") =>
        {
            ("application", "octet-stream")
        }
        _ => (mime.media_type.as_str(), mime.subtype.as_str()),
    };
    Leaf {
        media_type: octets(media_type),
        subtype: octets(subtype),
        parameters: parameters(&mime.parameters),
        id: mime.id.as_deref().map(octets),
        description: mime
            .description
            .as_deref()
            .map(|text| super::header::encode_words(&String::from_utf8_lossy(text))),
        encoding: octets(&mime.encoding_name),
        size: u32::try_from(node.body_end - node.body_start).unwrap_or(u32::MAX),
        kind,
        md5: mime.md5.as_deref().map(octets),
        disposition: disposition(node),
        language: languages(node),
        location: mime.location.as_deref().map(octets),
    }
}

/// The lines of a message within a message, its header included.
fn lines_of(nodes: &[Node], at: usize) -> u32 {
    let node = &nodes[at];
    let header = node.header.iter().filter(|b| **b == b'\n').count();
    let header = u32::try_from(header).unwrap_or(u32::MAX);
    let parts = node.children.iter().map(|child| lines_of(nodes, *child));
    parts.fold(header.saturating_add(node.lines), u32::saturating_add)
}

fn disposition(node: &Node) -> Option<Disposition> {
    let (kind, attributes) = node.mime.disposition.as_ref()?;
    Some(Disposition {
        kind: octets(kind),
        parameters: parameters(attributes),
    })
}

fn languages(node: &Node) -> Vec<Vec<u8>> {
    node.mime.language.iter().map(|text| octets(text)).collect()
}

fn octets(text: &str) -> Vec<u8> {
    super::header::encode_words(text)
}

/// Values beyond ASCII are written as RFC 2231 has them.
fn parameters(list: &[(String, String)]) -> Parameters {
    let written = list.iter().map(|(name, value)| match value.is_ascii() {
        true => (octets(name), value.as_bytes().to_vec()),
        false => (octets(&format!("{name}*")), percent_encode(value)),
    });
    written.collect()
}

fn percent_encode(value: &str) -> Vec<u8> {
    let mut written = b"utf-8''".to_vec();
    for octet in value.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => written.push(octet),
            _ => written.extend_from_slice(format!("%{octet:02X}").as_bytes()),
        }
    }
    written
}
