//! Beside imap-codec: what both understand means the same to both. Its values
//! are compared by writing them and reading that here.

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::encode::Encoder;
use proptest::prelude::*;

use super::{COMMANDS, NameEncoding, SPELLINGS, Tagged, lines, print, values};

/// The same command as imap-codec writes it; None where it does not know it.
fn theirs(command: &[u8]) -> Option<Vec<u8>> {
    let (rest, command) = CommandCodec::default().decode(command).ok()?;
    rest.is_empty()
        .then(|| CommandCodec::default().encode(&command).dump())
}

fn check(sent: &[u8]) -> bool {
    let Some(written) = theirs(sent) else {
        return false;
    };
    let ours = Tagged::parse(sent, NameEncoding::Utf7);
    let shown = String::from_utf8_lossy(sent);
    assert!(ours.is_ok(), "{shown:?}: {ours:?}");
    let back = Tagged::parse(&written, NameEncoding::Utf7);
    assert_eq!(
        back,
        ours,
        "{shown:?} {:?}",
        String::from_utf8_lossy(&written)
    );
    true
}

#[test]
fn imap_codec_agrees_on_the_fixtures() {
    let sent: Vec<_> = lines(COMMANDS).chain(lines(SPELLINGS)).collect();
    let agreed = sent
        .iter()
        .map(|line| check(format!("{line}\r\n").as_bytes()));
    let agreed = agreed.filter(|agreed| *agreed).count();
    assert!(
        agreed > 40,
        "imap-codec knows only {agreed} of {}",
        sent.len()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn imap_codec_agrees_on_random_commands(command in values::tagged()) {
        check(print(&command, NameEncoding::Utf7).as_bytes());
    }
}
