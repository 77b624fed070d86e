use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits {
    command: 64,
    literals: 2,
    unasked: Some(10),
    discarded: 1000,
};

/// What a driver saw, in words. It accepts messages unless told to refuse.
fn dialogue(limits: Limits, input: &[u8], piece: usize, refuse: bool) -> Vec<String> {
    let mut framer = Framer::new(limits);
    let mut seen: Vec<String> = Vec::new();
    let mut message = Vec::new();
    for octets in input.chunks(piece.max(1)) {
        let mut rest = octets;
        loop {
            let (count, event) = framer.feed(rest);
            rest = &rest[count..];
            let mut decide = false;
            let word = match event {
                Event::More => break,
                Event::Continue => "+".to_owned(),
                Event::Command(command) => String::from_utf8_lossy(command).into_owned(),
                Event::Line(line) => format!("line {}", String::from_utf8_lossy(line)),
                Event::Append(append, coming) => {
                    decide = true;
                    format!("append {} {} {}", append.tag, append.mailbox, coming.size)
                }
                Event::AppendNext(coming) => {
                    decide = true;
                    format!("next {}", coming.size)
                }
                Event::Octets(octets) => {
                    message.extend_from_slice(octets);
                    continue;
                }
                Event::MessageEnd => {
                    format!(
                        "message {}",
                        String::from_utf8_lossy(&std::mem::take(&mut message))
                    )
                }
                Event::AppendEnd => "end".to_owned(),
                Event::Malformed(malformed) => match &malformed.tag {
                    Some(tag) => format!("{tag} BAD {malformed}"),
                    None => format!("* BAD {malformed}"),
                },
                Event::Flood => {
                    seen.push("flood".into());
                    return seen;
                }
            };
            if decide {
                if refuse {
                    framer.refuse();
                } else {
                    framer.accept();
                }
            }
            seen.push(word);
        }
    }
    if framer.is_at_start() {
        seen.push(".".into());
    }
    seen
}

fn check(input: &str, expected: &[&str]) {
    for piece in [1, 2, 7, 1000] {
        assert_eq!(
            dialogue(LIMITS, input.as_bytes(), piece, false),
            expected,
            "{input:?} by {piece}"
        );
    }
}

fn check_refused(input: &str, expected: &[&str]) {
    for piece in [1, 3, 1000] {
        assert_eq!(
            dialogue(LIMITS, input.as_bytes(), piece, true),
            expected,
            "{input:?} by {piece}"
        );
    }
}

#[test]
fn lines_are_commands() {
    check("a NOOP\r\nb NOOP\n", &["a NOOP\r\n", "b NOOP\n", "."]);
    check("a NO", &[]);
    check("\r\n", &["\r\n", "."]);
}

#[test]
fn literals_belong_to_their_command() {
    check(
        "a LOGIN {5}\r\nalice {3+}\r\npwd\r\nb NOOP\r\n",
        &[
            "+",
            "a LOGIN {5}\r\nalice {3+}\r\npwd\r\n",
            "b NOOP\r\n",
            ".",
        ],
    );
    // What a literal holds announces nothing.
    check("a X {5+}\r\n{9+}\n\r\n", &["a X {5+}\r\n{9+}\n\r\n", "."]);
    check("a X {0}\r\n\r\n", &["+", "a X {0}\r\n\r\n", "."]);
}

#[test]
fn messages_stream() {
    check(
        "a APPEND INBOX (\\Seen) {5+}\r\nhello\r\nb NOOP\r\n",
        &[
            "append a INBOX 5",
            "message hello",
            "end",
            "b NOOP\r\n",
            ".",
        ],
    );
    check(
        "a append {5}\r\ninbox {3+}\r\none (\\Draft) {3+}\r\ntwo {0+}\r\n\r\n",
        &[
            "+",
            "append a INBOX 3",
            "message one",
            "next 3",
            "message two",
            "next 0",
            "message ",
            "end",
            ".",
        ],
    );
    check(
        "a APPEND x UTF8 (~{2+}\r\nhi)\r\n",
        &["append a x 2", "message hi", "end", "."],
    );
    check("a APPEND x {100}\r\n", &["append a x 100"]);
}

#[test]
fn refused_messages_are_thrown_away() {
    check_refused(
        "a APPEND x {5}\r\nb NOOP\r\n",
        &["append a x 5", "b NOOP\r\n", "."],
    );
    check_refused(
        "a APPEND x {5+}\r\nhello {3+}\r\ntwo\r\nb NOOP\r\n",
        &["append a x 5", "b NOOP\r\n", "."],
    );
}

#[test]
fn what_is_malformed_is_thrown_away() {
    check(
        "a APPEND x nonsense {3+}\r\nabc\r\nb NOOP\r\n",
        &["a BAD expected the message as a literal", "b NOOP\r\n", "."],
    );
    check(
        "a APPEND x ( {3}\r\nb NOOP\r\n",
        &["a BAD expected a flag", "b NOOP\r\n", "."],
    );
    check(
        "a APPEND x {2+}\r\nhi?\r\nb NOOP\r\n",
        &[
            "append a x 2",
            "message hi",
            "* BAD expected the end of the command or another message",
            "b NOOP\r\n",
            ".",
        ],
    );
    check(
        "a APPEND x UTF8 (~{2+}\r\nhi {2+}\r\nhi\r\nb NOOP\r\n",
        &[
            "append a x 2",
            "message hi",
            "* BAD expected a closing parenthesis behind the message",
            "b NOOP\r\n",
            ".",
        ],
    );
}

#[test]
fn limits_hold() {
    let long = format!("a X {}\r\nb NOOP\r\n", "x".repeat(100));
    check(&long, &["a BAD the command is too long", "b NOOP\r\n", "."]);
    check(
        "a X {61}\r\nb NOOP\r\n",
        &["a BAD the literal is too long", "b NOOP\r\n", "."],
    );
    check(
        "a X {11+}\r\n01234567890 {1+}\r\nx\r\nb NOOP\r\n",
        &[
            "a BAD a literal of this size must be synchronising",
            "b NOOP\r\n",
            ".",
        ],
    );
    check(
        "a X {1+}\r\nx {1+}\r\nx {1+}\r\nx\r\nb NOOP\r\n",
        &["a BAD too many literals", "b NOOP\r\n", "."],
    );
    let long = format!("a X {} {{3+}}\r\n\r\n\n x\r\nb NOOP\r\n", "x".repeat(100));
    check(&long, &["a BAD the command is too long", "b NOOP\r\n", "."]);
    check("a X {99999999999999999999+}\r\n", &["flood"]);
    assert_eq!(dialogue(LIMITS, &[b'x'; 2000], 7, false), ["flood"]);
}

#[test]
fn other_lines_are_asked_for() {
    let mut framer = Framer::new(LIMITS);
    framer.expect_line();
    assert_eq!(
        framer.feed(b"DONE {5}\r\na"),
        (10, Event::Line(b"DONE {5}"))
    );
    assert_eq!(
        framer.feed(b"a NOOP\r\n"),
        (8, Event::Command(b"a NOOP\r\n"))
    );
}

proptest! {
    #[test]
    fn pieces_come_to_the_same(
        input in "(a|APPEND|INBOX|NOOP| |x|\\)|\r\n|\n|\\{[0-9]{1,2}\\+?\\}\r\n|\\(|~|UTF8 \\(){0,40}",
        piece in 1_usize..20,
        refuse: bool,
    ) {
        let whole = dialogue(LIMITS, input.as_bytes(), usize::MAX, refuse);
        prop_assert_eq!(dialogue(LIMITS, input.as_bytes(), piece, refuse), whole);
    }

    #[test]
    fn the_next_command_is_found(
        input in "(a|APPEND|INBOX| |x|\r\n|\\{[0-9]{1,2}\\+?\\}\r\n|\\(){0,20}",
        refuse: bool,
    ) {
        // Whatever literal is awaited, this is more.
        let tail = format!("{}\r\n\r\nz NOOP\r\n", " ".repeat(700));
        let limits = Limits { discarded: u64::MAX, ..LIMITS };
        let seen = dialogue(limits, (input + &tail).as_bytes(), 9, refuse);
        prop_assert_eq!(&seen[seen.len() - 2..], ["z NOOP\r\n", "."]);
    }
}
