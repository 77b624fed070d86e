//! PROXY headers: pieces as the whole, and both versions say the same.
#![no_main]

use std::net::{IpAddr, SocketAddr};

use libfuzzer_sys::fuzz_target;
use smtp::proxy::ProxyHeader;

use fuzz::Pieces;

fuzz_target!(|input: &[u8]| {
    let Some(pieces) = Pieces::of(input) else {
        return;
    };
    let whole = ProxyHeader::parse(pieces.whole());
    let (mut come, mut parts) = (Vec::new(), Ok(None));
    for piece in pieces {
        come.extend_from_slice(piece);
        parts = ProxyHeader::parse(&come);
        if parts != Ok(None) {
            break;
        }
        assert!(come.len() < ProxyHeader::MAX, "a header without end");
    }
    assert_eq!(parts, if come.is_empty() { Ok(None) } else { whole });
    let Ok(Some((header, length))) = parts else {
        return;
    };
    assert!(length <= ProxyHeader::MAX.min(come.len()));
    assert_eq!(
        ProxyHeader::parse(&come[..length]),
        Ok(Some((header, length)))
    );
    assert_eq!(ProxyHeader::parse(&come[..length - 1]), Ok(None));
    if let ProxyHeader::Client(client) = header {
        for written in [line(client), binary(client)] {
            assert_eq!(
                ProxyHeader::parse(&written),
                Ok(Some((header, written.len())))
            );
        }
    }
});

fn line(client: SocketAddr) -> Vec<u8> {
    let transport = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    let (ip, port) = (client.ip(), client.port());
    format!("PROXY {transport} {ip} {ip} {port} 25\r\n").into_bytes()
}

fn binary(client: SocketAddr) -> Vec<u8> {
    let (transport, ip) = match client.ip() {
        IpAddr::V4(ip) => (0x11, ip.octets().to_vec()),
        IpAddr::V6(ip) => (0x21, ip.octets().to_vec()),
    };
    let port = client.port().to_be_bytes();
    let addresses = [ip.as_slice(), &ip, &port, &25_u16.to_be_bytes()].concat();
    let fixed = [0x21, transport, 0, addresses.len() as u8];
    [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &fixed, &addresses].concat()
}
