//! From octets to a command: its name decides what may follow.

use message::Secret;

use super::{Command, CommandError, Extension, Select, Store, Transfer};
use crate::cursor::{Cursor, Result};
use crate::fetch::Fetch;
use crate::list::{List, SpecialUse};
use crate::mailbox_name::{MailboxName, NameEncoding, Pattern};
use crate::search::Search;
use crate::sequence_set::Messages;
use crate::sort::{Sort, Thread};
use crate::status_item::StatusItem;

/// RFC 2971 §3.3 allows 30 fields.
const MAX_ID_FIELDS: usize = 30;

impl Command {
    pub(super) fn parse(cursor: &mut Cursor<'_>, names: NameEncoding) -> Result<Self> {
        let name = cursor.keyword("a command")?;
        if let Some(command) = Self::simple(&name) {
            return Ok(command);
        }
        let follows = Self::with_arguments(&name).ok_or(CommandError::Unknown)?;
        cursor.space()?;
        match follows {
            Follows::Mailbox(make) => MailboxName::parse(cursor, names).map(make),
            Follows::Select(make) => Select::parse(cursor, names).map(make),
            Follows::Transfer(make) => parse_transfer(cursor, names, false).map(make),
            Follows::Arguments(parse) => parse(cursor),
            Follows::Names(parse) => parse(cursor, names),
        }
    }

    fn simple(name: &str) -> Option<Self> {
        Some(match name {
            "CAPABILITY" => Self::Capability,
            "NOOP" => Self::Noop,
            "LOGOUT" => Self::Logout,
            "STARTTLS" => Self::StartTls,
            "NAMESPACE" => Self::Namespace,
            "IDLE" => Self::Idle,
            "CHECK" => Self::Check,
            "CLOSE" => Self::Close,
            "UNSELECT" => Self::Unselect,
            "EXPUNGE" => Self::Expunge,
            _ => return None,
        })
    }

    fn with_arguments(name: &str) -> Option<Follows> {
        Some(match name {
            "LOGIN" => Follows::Arguments(parse_login),
            "AUTHENTICATE" => Follows::Arguments(parse_authenticate),
            "ID" => Follows::Arguments(parse_id),
            "ENABLE" => Follows::Arguments(parse_enable),
            "COMPRESS" => Follows::Arguments(parse_compress),
            "SELECT" => Follows::Select(Self::Select),
            "EXAMINE" => Follows::Select(Self::Examine),
            "CREATE" => Follows::Names(parse_create),
            "DELETE" => Follows::Mailbox(Self::Delete),
            "RENAME" => Follows::Names(parse_rename),
            "SUBSCRIBE" => Follows::Mailbox(Self::Subscribe),
            "UNSUBSCRIBE" => Follows::Mailbox(Self::Unsubscribe),
            "LIST" => Follows::Names(|cursor, names| List::parse(cursor, names).map(Self::List)),
            "LSUB" => Follows::Names(parse_lsub),
            "STATUS" => Follows::Names(parse_status),
            "SEARCH" => Follows::Arguments(|c| Search::parse(c, false).map(Self::Search)),
            "SORT" => Follows::Arguments(|c| Sort::parse(c, false).map(Self::Sort)),
            "THREAD" => Follows::Arguments(|c| Thread::parse(c, false).map(Self::Thread)),
            "FETCH" => Follows::Arguments(|c| Fetch::parse(c, false).map(Self::Fetch)),
            "STORE" => Follows::Arguments(|c| Store::parse(c, false).map(Self::Store)),
            "COPY" => Follows::Transfer(Self::Copy),
            "MOVE" => Follows::Transfer(Self::Move),
            "UID" => Follows::Names(parse_uid),
            "GETQUOTA" => Follows::Arguments(|c| c.text("a quota root").map(Self::GetQuota)),
            "GETQUOTAROOT" => Follows::Mailbox(Self::GetQuotaRoot),
            "SETQUOTA" => Follows::Arguments(parse_set_quota),
            "APPEND" => Follows::Arguments(|_| {
                Err(CommandError::Expected(
                    "a message as a literal at the end of the line",
                ))
            }),
            _ => return None,
        })
    }
}

/// What stands behind the name of a command.
enum Follows {
    Mailbox(fn(MailboxName) -> Command),
    Select(fn(Select) -> Command),
    Transfer(fn(Transfer) -> Command),
    Arguments(fn(&mut Cursor<'_>) -> Result<Command>),
    Names(fn(&mut Cursor<'_>, NameEncoding) -> Result<Command>),
}

fn parse_uid(cursor: &mut Cursor<'_>, names: NameEncoding) -> Result<Command> {
    const WHAT: &str = "COPY, EXPUNGE, FETCH, MOVE, SEARCH, SORT, STORE or THREAD behind UID";
    let name = cursor.keyword(WHAT)?;
    cursor.space()?;
    match name.as_str() {
        "COPY" => parse_transfer(cursor, names, true).map(Command::Copy),
        "MOVE" => parse_transfer(cursor, names, true).map(Command::Move),
        "EXPUNGE" => Messages::parse(cursor).map(Command::UidExpunge),
        "FETCH" => Fetch::parse(cursor, true).map(Command::Fetch),
        "SEARCH" => Search::parse(cursor, true).map(Command::Search),
        "SORT" => Sort::parse(cursor, true).map(Command::Sort),
        "STORE" => Store::parse(cursor, true).map(Command::Store),
        "THREAD" => Thread::parse(cursor, true).map(Command::Thread),
        _ => Err(CommandError::Expected(WHAT)),
    }
}

fn parse_transfer(cursor: &mut Cursor<'_>, names: NameEncoding, uid: bool) -> Result<Transfer> {
    let messages = Messages::parse(cursor)?;
    cursor.space()?;
    let mailbox = MailboxName::parse(cursor, names)?;
    Ok(Transfer {
        uid,
        messages,
        mailbox,
    })
}

fn parse_login(cursor: &mut Cursor<'_>) -> Result<Command> {
    let user = cursor.text("a user name")?;
    cursor.space()?;
    let password = Secret::new(cursor.text("a password")?);
    Ok(Command::Login { user, password })
}

fn parse_authenticate(cursor: &mut Cursor<'_>) -> Result<Command> {
    let mechanism = cursor.keyword("a mechanism")?;
    let initial = match cursor.skip(b' ') {
        true => {
            let belongs = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
            Some(Secret::new(cursor.run(belongs, "a response in Base64")?))
        }
        false => None,
    };
    Ok(Command::Authenticate { mechanism, initial })
}

fn parse_id(cursor: &mut Cursor<'_>) -> Result<Command> {
    if cursor.skip_word("NIL") {
        return Ok(Command::Id(Vec::new()));
    }
    let fields = cursor.list(true, |cursor| {
        let field = cursor.string("a field's name")?;
        let field = crate::cursor::utf8(&field)?;
        cursor.space()?;
        Ok((field, cursor.nstring("a field's value or NIL")?))
    })?;
    match fields.len() {
        0..=MAX_ID_FIELDS => Ok(Command::Id(fields)),
        _ => Err(CommandError::Expected("at most 30 fields")),
    }
}

fn parse_enable(cursor: &mut Cursor<'_>) -> Result<Command> {
    let mut extensions = Vec::new();
    loop {
        extensions.push(match cursor.keyword("an extension")?.as_str() {
            "IMAP4REV2" => Extension::Imap4Rev2,
            "CONDSTORE" => Extension::Condstore,
            "QRESYNC" => Extension::Qresync,
            "UTF8=ACCEPT" => Extension::Utf8Accept,
            other => Extension::Other(other.to_owned()),
        });
        if !cursor.skip(b' ') {
            return Ok(Command::Enable(extensions));
        }
    }
}

fn parse_compress(cursor: &mut Cursor<'_>) -> Result<Command> {
    match cursor.keyword("DEFLATE")?.as_str() {
        "DEFLATE" => Ok(Command::Compress),
        _ => Err(CommandError::Expected("DEFLATE")),
    }
}

fn parse_create(cursor: &mut Cursor<'_>, names: NameEncoding) -> Result<Command> {
    let mailbox = MailboxName::parse(cursor, names)?;
    let mut uses = Vec::new();
    if cursor.skip(b' ') {
        cursor.expect(b'(', "USE in parentheses")?;
        cursor
            .skip_word("USE ")
            .then_some(())
            .ok_or(CommandError::Expected("USE"))?;
        uses = cursor.list(true, SpecialUse::parse)?;
        cursor.expect(b')', "a closing parenthesis")?;
    }
    Ok(Command::Create {
        mailbox,
        unknown_use: uses.contains(&None),
        uses: uses.into_iter().flatten().collect(),
    })
}

fn parse_rename(cursor: &mut Cursor<'_>, names: NameEncoding) -> Result<Command> {
    let from = MailboxName::parse(cursor, names)?;
    cursor.space()?;
    let to = MailboxName::parse(cursor, names)?;
    Ok(Command::Rename { from, to })
}

fn parse_lsub(cursor: &mut Cursor<'_>, names: NameEncoding) -> Result<Command> {
    let reference = Pattern::parse_reference(cursor, names)?;
    cursor.space()?;
    let pattern = Pattern::parse(cursor, names)?;
    Ok(Command::Lsub { reference, pattern })
}

fn parse_status(cursor: &mut Cursor<'_>, names: NameEncoding) -> Result<Command> {
    let mailbox = MailboxName::parse(cursor, names)?;
    cursor.space()?;
    let items = cursor.list(false, StatusItem::parse)?;
    Ok(Command::Status { mailbox, items })
}

fn parse_set_quota(cursor: &mut Cursor<'_>) -> Result<Command> {
    let root = cursor.text("a quota root")?;
    cursor.space()?;
    let limits = cursor.list(true, |cursor| {
        let resource = cursor.keyword("a resource such as STORAGE")?;
        cursor.space()?;
        Ok((resource, cursor.number64()?))
    })?;
    Ok(Command::SetQuota { root, limits })
}
