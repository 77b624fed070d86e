//! What the server can do, by the state of the session (RFC 9051 §6.1.1).

/// At any time.
const ALWAYS: [&str; 5] = ["IMAP4rev1", "IMAP4rev2", "SASL-IR", "ID", "ENABLE"];

/// What comes with a login.
const LOGGED_IN: [&str; 30] = [
    "LITERAL+",
    "IDLE",
    "NAMESPACE",
    "UNSELECT",
    "UIDPLUS",
    "MOVE",
    "CHILDREN",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "STATUS=SIZE",
    "ESEARCH",
    "SEARCHRES",
    "WITHIN",
    "SORT",
    "SORT=DISPLAY",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "CONDSTORE",
    "QRESYNC",
    "BINARY",
    "MULTIAPPEND",
    "QUOTA",
    "QUOTA=RES-STORAGE",
    "QUOTA=RES-MESSAGE",
    "OBJECTID",
    "SAVEDATE",
    "COMPRESS=DEFLATE",
    "UTF8=ACCEPT",
];

/// What the client may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// STARTTLS, and with `login` a password in clear.
    Clear { login: bool },
    /// A password.
    Secured,
    /// Anything.
    LoggedIn,
}

/// All of them. `append_limit` is how large a message may be.
pub(super) fn capabilities(stage: Stage, append_limit: u64) -> Vec<String> {
    let own: &[&str] = match stage {
        Stage::Clear { login: false } => &["LITERAL-", "STARTTLS", "LOGINDISABLED"],
        Stage::Clear { login: true } => &["LITERAL-", "STARTTLS", "AUTH=PLAIN", "AUTH=LOGIN"],
        Stage::Secured => &["LITERAL-", "AUTH=PLAIN", "AUTH=LOGIN"],
        Stage::LoggedIn => &LOGGED_IN,
    };
    let names = ALWAYS.iter().chain(own).map(|name| (*name).to_owned());
    let limit = format!("APPENDLIMIT={append_limit}");
    names
        .chain((stage == Stage::LoggedIn).then_some(limit))
        .collect()
}
