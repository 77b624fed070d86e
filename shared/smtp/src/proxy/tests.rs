use proptest::prelude::*;

use super::*;

/// What comes of octets that arrive one by one, and how many the header took.
fn parse(octets: &[u8]) -> Result<Option<(ProxyHeader, usize)>, ProxyError> {
    let whole = ProxyHeader::parse(octets);
    let mut single = Ok(None);
    for end in 0..=octets.len() {
        single = ProxyHeader::parse(&octets[..end]);
        if !matches!(single, Ok(None)) {
            break;
        }
    }
    assert_eq!(single, whole);
    whole
}

fn check(octets: impl AsRef<[u8]>, expected: Result<Option<&str>, ProxyError>) {
    let octets = octets.as_ref();
    let followed = [octets, b"EHLO"].concat();
    let expected = expected.map(|header| {
        header.map(|client| match client {
            "local" => (ProxyHeader::Local, octets.len()),
            client => (ProxyHeader::Client(client.parse().unwrap()), octets.len()),
        })
    });
    let text = String::from_utf8_lossy(octets);
    assert_eq!(parse(octets), expected, "{text:?}");
    if expected.is_ok_and(|header| header.is_some()) {
        assert_eq!(parse(&followed), expected, "{text:?} followed");
    }
}

fn version_two(command: u8, transport: u8, addresses: &[u8]) -> Vec<u8> {
    let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, transport], &length, addresses].concat()
}

#[test]
fn lines_of_version_one_are_read() {
    check(
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n",
        Ok(Some("192.0.2.1:56324")),
    );
    check(
        "PROXY TCP6 2001:db8::1 2001:db8::2 4 465\r\n",
        Ok(Some("[2001:db8::1]:4")),
    );
    check("PROXY UNKNOWN\r\n", Ok(Some("local")));
    check(
        "PROXY UNKNOWN ffff:f:f ffff::f 65535 65535\r\n",
        Ok(Some("local")),
    );
    check("", Ok(None));
    check("PRO", Ok(None));
    check("PROXY TCP4 192.0.2.1", Ok(None));
    check("PROXY UNKNOWN\r", Ok(None));
}

#[test]
fn lines_that_break_the_syntax_are_refused() {
    for line in [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
        "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
    ] {
        check(line, Err(ProxyError::Line));
    }
    check(
        format!("PROXY UNKNOWN {}\r\n", "x".repeat(100)),
        Err(ProxyError::Line),
    );
    check("EHLO client.example\r\n", Err(ProxyError::NoHeader));
    check("PROXX", Err(ProxyError::NoHeader));
    check("\r\n\r\n\0\r\nQUIX", Err(ProxyError::NoHeader));
}

#[test]
fn headers_of_version_two_are_read() {
    let four = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 4, 0, 25];
    check(version_two(0x21, 0x11, &four), Ok(Some("192.0.2.1:56324")));
    let more = [four.as_slice(), &[3, 0, 4, 1, 2, 3, 4]].concat();
    check(version_two(0x21, 0x11, &more), Ok(Some("192.0.2.1:56324")));
    let mut six = [0; 36];
    six[15] = 1;
    six[33] = 9;
    check(version_two(0x21, 0x21, &six), Ok(Some("[::1]:9")));
    check(version_two(0x20, 0x00, b""), Ok(Some("local")));
    check(version_two(0x20, 0x11, &four), Ok(Some("local")));
    check(version_two(0x21, 0x00, b"whatever"), Ok(Some("local")));
    check(version_two(0x21, 0x31, &[0; 216]), Ok(Some("local")));
    check(SIGNATURE, Ok(None));

    check(
        version_two(0x21, 0x11, &four[1..]),
        Err(ProxyError::TooShort),
    );
    check(
        version_two(0x21, 0x21, &six[1..]),
        Err(ProxyError::TooShort),
    );
    check(version_two(0x21, 0x12, &four), Err(ProxyError::Unknown));
    check(version_two(0x22, 0x11, &four), Err(ProxyError::Unknown));
    check(version_two(0x11, 0x11, &four), Err(ProxyError::Unknown));
    check(
        version_two(0x21, 0x11, &[0; ProxyHeader::MAX]),
        Err(ProxyError::TooLong),
    );
}

proptest! {
    #[test]
    fn every_client_is_read_back(source: SocketAddr, destination: SocketAddr, more: Vec<u8>) {
        let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        let destination = match source {
            SocketAddr::V4(_) => SocketAddr::from(([192, 0, 2, 1], destination.port())),
            SocketAddr::V6(_) => SocketAddr::from(([0; 16], destination.port())),
        };
        let source = SocketAddr::new(source.ip(), source.port());
        let line = format!(
            "PROXY {family} {} {} {} {}\r\n",
            source.ip(), destination.ip(), source.port(), destination.port()
        );
        prop_assert_eq!(
            parse(line.as_bytes()),
            Ok(Some((ProxyHeader::Client(source), line.len())))
        );
        let octets = |ip| match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let addresses = [
            octets(source.ip()),
            octets(destination.ip()),
            source.port().to_be_bytes().to_vec(),
            destination.port().to_be_bytes().to_vec(),
            more,
        ]
        .concat();
        let header = version_two(0x21, if source.is_ipv4() { 0x11 } else { 0x21 }, &addresses);
        prop_assert_eq!(
            parse(&header),
            Ok(Some((ProxyHeader::Client(source), header.len())))
        );
    }

    #[test]
    fn no_octets_make_it_panic(
        front in prop::sample::select(vec![b"".as_slice(), WORD, SIGNATURE]),
        rest: Vec<u8>,
    ) {
        let octets = [front, &rest].concat();
        match parse(&octets) {
            Ok(Some((_, length))) => prop_assert!(length <= octets.len()),
            Ok(None) => prop_assert!(octets.len() < ProxyHeader::MAX),
            Err(_) => {}
        }
    }
}
