//! Commands as tables, as random values, and beside imap-codec.

mod differential;
mod values;

use proptest::prelude::*;

use super::*;

fn parse(line: &str) -> Result<Tagged, Malformed> {
    Tagged::parse(line.as_bytes(), NameEncoding::Utf7)
}

fn print(command: &Tagged, names: NameEncoding) -> String {
    let mut out = Vec::new();
    command.write(&mut out, names);
    String::from_utf8(out).unwrap()
}

/// Commands as we would write them, one a line.
const COMMANDS: &str = include_str!("tests/commands.txt");

/// Other spellings: what is sent, and what it means, two lines each.
const SPELLINGS: &str = include_str!("tests/spellings.txt");

/// What is refused, and how, two lines each.
const MALFORMED: &str = include_str!("tests/malformed.txt");

/// Lines of a fixture; `\r\n` in them stands for a line end.
fn lines(fixture: &str) -> impl Iterator<Item = String> {
    let lines = fixture.lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.replace("\\r\\n", "\r\n").replace("\\0", "\0"))
}

fn pairs(fixture: &str) -> Vec<(String, String)> {
    let lines: Vec<_> = lines(fixture).collect();
    let pairs = lines.chunks(2);
    pairs
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect()
}

#[test]
fn commands_are_read_and_written() {
    for line in lines(COMMANDS) {
        let command = parse(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        let written = print(&command, NameEncoding::Utf7);
        assert_eq!(written.trim_end(), line);
    }
}

#[test]
fn other_spellings_mean_the_same() {
    for (sent, meant) in pairs(SPELLINGS) {
        let command = parse(&sent).unwrap_or_else(|error| panic!("{sent:?}: {error}"));
        assert_eq!(parse(&meant).as_ref(), Ok(&command), "{sent:?}");
    }
}

#[test]
fn what_is_malformed_is_told() {
    for (sent, expected) in pairs(MALFORMED) {
        let error = parse(&sent).expect_err(&sent);
        let tag = error.tag.as_ref().map_or("*", Tag::as_str);
        assert_eq!(format!("{tag} {error}"), expected, "{sent:?}");
    }
}

#[test]
fn names_follow_the_session() {
    let mailbox = |line: &str, names| match Tagged::parse(line.as_bytes(), names) {
        Ok(Tagged {
            command: Command::Delete(mailbox),
            ..
        }) => Some(mailbox.to_string()),
        Ok(_) | Err(_) => None,
    };
    let utf7 = |line| mailbox(line, NameEncoding::Utf7);
    assert_eq!(utf7("a DELETE Entw&APw-rfe").as_deref(), Some("Entwürfe"));
    assert_eq!(utf7("a DELETE \"Entwürfe\"").as_deref(), Some("Entwürfe"));
    assert_eq!(utf7("a DELETE R&D"), None);
    let utf8 = |line| mailbox(line, NameEncoding::Utf8);
    assert_eq!(utf8("a DELETE R&D").as_deref(), Some("R&D"));
    assert_eq!(utf8("a DELETE \"Entwürfe\"").as_deref(), Some("Entwürfe"));
    assert_eq!(utf8("a DELETE inBOX").as_deref(), Some("INBOX"));
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| format!("a SEARCH {}ALL{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(40)).is_ok());
    for line in [
        nested(100_000),
        format!("a SEARCH {} ALL", ["NOT"; 9999].join(" ")),
    ] {
        assert_eq!(parse(&line).unwrap_err().error, CommandError::TooDeep);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn what_is_written_is_read_back(command in values::tagged(), utf8: bool) {
        let names = if utf8 { NameEncoding::Utf8 } else { NameEncoding::Utf7 };
        let written = print(&command, names);
        prop_assert_eq!(Tagged::parse(written.as_bytes(), names), Ok(command), "{:?}", written);
    }

    #[test]
    fn no_octets_make_the_parser_panic(line in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = Tagged::parse(&line, NameEncoding::Utf7);
    }
}
