//! Command lines: what is read is read again from its strictest spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use message::{Notify, Ret};
use smtp::Command;
use smtp::command::{ForwardPath, Mail, Rcpt};
use smtp::xtext;

fuzz_target!(|input: &[u8]| {
    let Some((setting, line)) = input.split_first() else {
        return;
    };
    let smtputf8 = setting & 1 == 1;
    match Command::parse(line, smtputf8) {
        Ok(command) => {
            let written = write(&command);
            assert!(!written.chars().any(char::is_control), "{written:?}");
            let utf8 = smtputf8 || matches!(&command, Command::Mail(mail) if mail.smtputf8);
            assert!(utf8 || written.is_ascii(), "{written:?}");
            assert_eq!(Command::parse(written.as_bytes(), smtputf8), Ok(command));
        }
        Err(error) => {
            let reply = error.reply();
            assert!(reply.is_permanent() && reply.status().is_some(), "{reply}");
        }
    }
});

fn write(command: &Command) -> String {
    match command {
        Command::Ehlo(name) => format!("EHLO {}", name.as_str()),
        Command::Helo(name) => format!("HELO {}", name.as_str()),
        Command::Mail(mail) => write_mail(mail),
        Command::Rcpt(rcpt) => write_rcpt(rcpt),
        Command::Data => "DATA".into(),
        Command::Bdat { size, last: false } => format!("BDAT {size}"),
        Command::Bdat { size, last: true } => format!("BDAT {size} LAST"),
        Command::Rset => "RSET".into(),
        Command::Noop => "NOOP".into(),
        Command::Quit => "QUIT".into(),
        Command::Vrfy => "VRFY x".into(),
        Command::Expn => "EXPN x".into(),
        Command::Help => "HELP".into(),
        Command::StartTls => "STARTTLS".into(),
        Command::Auth { mechanism, initial } => match initial {
            None => format!("AUTH {mechanism}"),
            Some(initial) => format!("AUTH {mechanism} {}", initial.expose()),
        },
    }
}

fn write_mail(mail: &Mail) -> String {
    let mut line = format!("MAIL FROM:{}", mail.sender);
    if let Some(size) = mail.size {
        line += &format!(" SIZE={size}");
    }
    if mail.smtputf8 {
        line += " SMTPUTF8";
    }
    line += match mail.ret {
        None => "",
        Some(Ret::Full) => " RET=FULL",
        Some(Ret::Hdrs) => " RET=HDRS",
    };
    if let Some(id) = &mail.envelope_id {
        line += &format!(" ENVID={}", xtext::encode(id.as_str()));
    }
    line
}

fn write_rcpt(rcpt: &Rcpt) -> String {
    let mut line = match &rcpt.recipient {
        ForwardPath::Postmaster => "RCPT TO:<postmaster>".to_owned(),
        ForwardPath::Address(address) => format!("RCPT TO:<{address}>"),
    };
    line += &write_notify(rcpt.notify);
    if let Some(original) = &rcpt.orcpt {
        let (kind, address) = (original.address_type(), original.address());
        let address = match kind {
            "utf-8" => xtext::encode_utf8_address(address, false),
            _ => xtext::encode(address),
        };
        line += &format!(" ORCPT={kind};{address}");
    }
    line
}

fn write_notify(notify: Notify) -> String {
    match notify {
        Notify::Unspecified => String::new(),
        Notify::Never => " NOTIFY=NEVER".into(),
        Notify::When {
            success,
            failure,
            delay,
        } => {
            let words = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
            let words = words
                .into_iter()
                .filter_map(|(wanted, word)| wanted.then_some(word));
            format!(" NOTIFY={}", words.collect::<Vec<_>>().join(","))
        }
    }
}
