use proptest::prelude::*;

use super::*;

fn mail(line: &str) -> Mail {
    match Command::parse(line.as_bytes(), false) {
        Ok(Command::Mail(mail)) => mail,
        other => panic!("{line:?}: {other:?}"),
    }
}

fn rcpt(line: &str) -> Rcpt {
    match Command::parse(line.as_bytes(), true) {
        Ok(Command::Rcpt(rcpt)) => rcpt,
        other => panic!("{line:?}: {other:?}"),
    }
}

fn recipient(line: &str) -> String {
    match rcpt(line).recipient {
        ForwardPath::Postmaster => "postmaster".into(),
        ForwardPath::Address(address) => address.to_string(),
    }
}

fn check_reply(line: impl AsRef<[u8]>, expected: &str) {
    let line = line.as_ref();
    let reply = Command::parse(line, false)
        .expect_err("an error")
        .reply()
        .to_string();
    assert!(
        reply.starts_with(expected),
        "{}: {reply}",
        String::from_utf8_lossy(line)
    );
}

#[test]
fn mail_is_read_with_all_its_parameters() {
    let read = mail(
        "mail from:<alice@Example.org> SIZE=1000 BODY=8bitmime SMTPUTF8 RET=hdrs ENVID=QQ+2B1 AUTH=<>",
    );
    assert_eq!(read.sender.to_string(), "<alice@example.org>");
    assert_eq!(read.size, Some(1000));
    assert!(read.smtputf8);
    assert_eq!(read.ret, Some(Ret::Hdrs));
    assert_eq!(read.envelope_id.unwrap().as_str(), "QQ+1");
    assert!(mail("MAIL FROM:<>").sender.is_null());
    assert!(
        mail("MAIL FROM: <> AUTH=a+2Bb@example.org  ")
            .sender
            .is_null()
    );
    assert_eq!(
        mail("MAIL FROM:<> SIZE=99999999999999999999").size,
        Some(u64::MAX)
    );
    assert_eq!(
        mail("MAIL FROM:<@a.example,@b.example:x@c.example>")
            .sender
            .to_string(),
        "<x@c.example>"
    );
    assert_eq!(
        mail("MAIL FROM:<grün@b.example> SMTPUTF8")
            .sender
            .to_string(),
        "<grün@b.example>"
    );
}

#[test]
fn rcpt_is_read_with_all_its_parameters() {
    let read =
        rcpt("RCPT TO:<bob@example.org> NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob+2Bx@example.org");
    assert_eq!(
        read.notify,
        Notify::When {
            success: true,
            failure: false,
            delay: true
        }
    );
    assert_eq!(read.orcpt.unwrap().to_string(), "rfc822;Bob+x@example.org");
    assert_eq!(rcpt("RCPT TO:<b@c> NOTIFY=never").notify, Notify::Never);
    let utf8 = rcpt(r"RCPT TO:<b@c> ORCPT=utf-8;gr\x{FC}n@example.org")
        .orcpt
        .unwrap();
    assert_eq!(utf8.to_string(), "utf-8;grün@example.org");
    assert_eq!(
        rcpt("RCPT TO:<b@c> ORCPT=utf-8;grün@d")
            .orcpt
            .unwrap()
            .address(),
        "grün@d"
    );
    assert_eq!(recipient("RCPT TO:<PostMaster>"), "postmaster");
    assert_eq!(
        recipient("RCPT TO:<@[IPv6:::1]:x@y.example>"),
        "x@y.example"
    );
    assert_eq!(
        recipient(r#"RCPT TO:<"a> b\"c"@d.example>"#),
        r#""a> b\"c"@d.example"#
    );
}

#[test]
fn the_other_commands_are_read() {
    let ehlo = |line: &str| match Command::parse(line.as_bytes(), false) {
        Ok(Command::Ehlo(name) | Command::Helo(name)) => name.as_str().to_owned(),
        other => panic!("{line:?}: {other:?}"),
    };
    assert_eq!(ehlo("EHLO client.example"), "client.example");
    assert_eq!(ehlo("ehlo [192.0.2.1]"), "[192.0.2.1]");
    assert_eq!(ehlo("helo [IPv6:2001:db8::1] "), "[IPv6:2001:db8::1]");
    for (line, command) in [
        ("DATA", Command::Data),
        ("rset", Command::Rset),
        ("NOOP anything", Command::Noop),
        ("Quit ", Command::Quit),
        ("VRFY bob", Command::Vrfy),
        ("EXPN list", Command::Expn),
        ("HELP", Command::Help),
        ("starttls", Command::StartTls),
        (
            "AUTH login",
            Command::Auth {
                mechanism: "LOGIN".into(),
                initial: None,
            },
        ),
        (
            "AUTH plain AA==",
            Command::Auth {
                mechanism: "PLAIN".into(),
                initial: Some(Secret::new("AA==")),
            },
        ),
    ] {
        assert_eq!(
            Command::parse(line.as_bytes(), false),
            Ok(command),
            "{line:?}"
        );
    }
}

#[test]
fn what_is_no_command_tells_its_reply() {
    for line in [
        "",
        "FOO",
        "MAILFROM:<a@b>",
        "NOOP\u{0}",
        "GET / HTTP/1.1",
        "EHLO grün",
    ] {
        check_reply(line, "500 5.5.2 ");
    }
    check_reply(b"MAIL FROM:<\xff@b>", "500 5.5.2 ");
    for line in [
        "EHLO",
        "EHLO a b",
        "HELO (x)",
        "DATA now",
        "STARTTLS x",
        "RSET x",
        "QUIT x",
        "VRFY",
        "EXPN",
        "MAIL",
        "MAIL TO:<a@b>",
        "RCPT FROM:<a@b>",
        "AUTH",
        "AUTH PLAIN a b",
        "MAIL FROM:<> SIZE=x",
        "MAIL FROM:<> SIZE",
        "MAIL FROM:<> SIZE=",
        "MAIL FROM:<> SIZE=1 size=1",
        "MAIL FROM:<> BODY=BINARYMIME",
        "MAIL FROM:<> SMTPUTF8=1",
        "MAIL FROM:<> RET=x",
        "MAIL FROM:<> ENVID=a=b",
        "MAIL FROM:<> ENVID=+",
        "MAIL FROM:<> AUTH=x",
        "RCPT TO:<a@b> NOTIFY=",
        "RCPT TO:<a@b> NOTIFY=NEVER,DELAY",
        "RCPT TO:<a@b> NOTIFY=DELAY,DELAY",
        "RCPT TO:<a@b> ORCPT=bob",
        "RCPT TO:<a@b> ORCPT=rfc822;+0D+0A",
    ] {
        check_reply(line, "501 5.5.4 ");
    }
    for line in [
        "MAIL FROM:<> FOO=1",
        "MAIL FROM:<> NOTIFY=NEVER",
        "RCPT TO:<a@b> SIZE=1",
        "MAIL FROM:<> -",
    ] {
        check_reply(line, "555 5.5.4 ");
    }
    for line in [
        "MAIL FROM:a@b",
        "MAIL FROM:<a@b",
        "MAIL FROM:<a>",
        "MAIL FROM:<a@b>x",
        "MAIL FROM:<@a>",
    ] {
        check_reply(line, "553 5.1.7 ");
    }
    for line in [
        "RCPT TO:a@b",
        "RCPT TO:<>",
        "RCPT TO:<a>",
        "RCPT TO:<a@b..c>",
        "RCPT TO:<\"a>@b>",
    ] {
        check_reply(line, "553 5.1.3 ");
    }
    for line in [
        "MAIL FROM:<grün@b>",
        "RCPT TO:<grün@b>",
        "RCPT TO:<a@b> ORCPT=utf-8;grün@b",
    ] {
        check_reply(line, "553 5.6.7 ");
    }
}

#[test]
fn a_secret_is_not_printed() {
    let command = Command::parse(b"AUTH PLAIN AGFsaWNlAHNlY3JldA==", false);
    assert!(!format!("{command:?}").contains("AGFs"));
}

proptest! {
    #[test]
    fn no_line_makes_the_parser_panic(line: Vec<u8>, smtputf8: bool) {
        let _ = Command::parse(&line, smtputf8);
    }

    #[test]
    fn no_arguments_make_the_parser_panic(
        verb in "(MAIL FROM:|RCPT TO:|AUTH |EHLO )", arguments in "\\PC{0,60}", smtputf8: bool,
    ) {
        let _ = Command::parse(format!("{verb}{arguments}").as_bytes(), smtputf8);
        let _ = Command::parse(format!("{verb}<{arguments}>").as_bytes(), smtputf8);
        let _ = Command::parse(format!("{verb}<a@b> {arguments}").as_bytes(), smtputf8);
    }
}

#[test]
fn the_size_of_a_chunk_is_a_number() {
    let read = |line: &str| Command::parse(line.as_bytes(), false);
    let chunk = |size, last| Ok(Command::Bdat { size, last });
    assert_eq!(read("BDAT 0"), chunk(0, false));
    assert_eq!(read("bdat 86  last "), chunk(86, true));
    assert_eq!(
        read(&format!("BDAT {} LAST", u64::MAX)),
        chunk(u64::MAX, true)
    );
    for line in [
        "BDAT",
        "BDAT LAST",
        "BDAT +1",
        "BDAT -1",
        "BDAT 1x",
        "BDAT 1 FIRST",
        "BDAT 1 LAST LAST",
        "BDAT 18446744073709551616",
        "BDAT ä",
    ] {
        assert_eq!(read(line), Err(CommandError::Chunk), "{line:?}");
    }
    check_reply("MAIL FROM:<> BODY=BINARYMIME", "501 5.5.4");
}
