//! The file of an import: CSV (RFC 4180) whose first line names its columns:
//! `address`, and `password`, `hash`, `quota` and `message_quota` if there are such.
//! No value holds a line end.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use config::Size;
use message::Address;
use web_gateway::api::{Credentials, ImportedAccount, Password};

use crate::Failure;

/// The longest line, in octets.
const LINE_MAX: u64 = 64 * 1024;

/// The columns of a table, each at its place in a line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Columns {
    address: usize,
    password: Option<usize>,
    hash: Option<usize>,
    quota: Option<usize>,
    message_quota: Option<usize>,
}

/// A table being read.
pub(super) struct Table {
    path: PathBuf,
    lines: Box<dyn BufRead + Send>,
    columns: Columns,
    line: u64,
}

/// An account, and where it stands.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) account: ImportedAccount,
    pub(super) line: u64,
    pub(super) octets: u64,
}

/// Why there is no row.
#[derive(Debug)]
pub(super) enum Wrong {
    /// This line cannot be understood; the next may be.
    Line { line: u64, reason: String },
    /// The file cannot be read.
    File(Failure),
}

impl Table {
    /// Opens a file, and says how many octets it has.
    pub(super) fn open(path: &Path) -> Result<(Self, u64), Failure> {
        let failed = |cause| Failure::File {
            operation: "read accounts from",
            path: path.to_owned(),
            cause,
        };
        let file = File::open(path).map_err(failed)?;
        let octets = file.metadata().map_err(failed)?.len();
        let mut table = Self {
            path: path.to_owned(),
            lines: Box::new(BufReader::new(file)),
            columns: Columns::default(),
            line: 0,
        };
        let header = match table.next_line() {
            Some(Ok(header)) => header,
            Some(Err(Wrong::File(failure))) => return Err(failure),
            Some(Err(Wrong::Line { reason, .. })) => return Err(Failure::Usage(reason)),
            None => String::new(),
        };
        let columns = columns(&header);
        table.columns = columns
            .map_err(|reason| Failure::Usage(format!("{}: {reason}", table.path.display())))?;
        Ok((table, octets))
    }

    /// The next row; none at the end.
    pub(super) fn next_row(&mut self) -> Option<Result<Row, Wrong>> {
        loop {
            let text = match self.next_line()? {
                Ok(text) => text,
                Err(wrong) => return Some(Err(wrong)),
            };
            if text.trim().is_empty() {
                continue;
            }
            let (line, octets) = (self.line, text.len() as u64 + 1);
            let account = values(&text).and_then(|values| self.columns.account(&values));
            return Some(match account {
                Ok(account) => Ok(Row {
                    account,
                    line,
                    octets,
                }),
                Err(reason) => Err(Wrong::Line { line, reason }),
            });
        }
    }

    fn next_line(&mut self) -> Option<Result<String, Wrong>> {
        self.line += 1;
        let mut text = Vec::new();
        let mut limited = self.lines.by_ref().take(LINE_MAX);
        match limited.read_until(b'\n', &mut text) {
            Ok(0) => None,
            Ok(_) => {
                while matches!(text.last(), Some(b'\n' | b'\r')) {
                    text.pop();
                }
                Some(String::from_utf8(text).map_err(|_| Wrong::Line {
                    line: self.line,
                    reason: "not UTF-8".to_owned(),
                }))
            }
            Err(cause) => Some(Err(Wrong::File(Failure::File {
                operation: "read accounts from",
                path: self.path.clone(),
                cause,
            }))),
        }
    }
}

impl Columns {
    fn account(&self, values: &[String]) -> Result<ImportedAccount, String> {
        let value = |column: Option<usize>| {
            let value = values.get(column?)?;
            (!value.is_empty()).then_some(value.as_str())
        };
        let address = value(Some(self.address)).ok_or("there is no address")?;
        let address: Address = address
            .parse()
            .map_err(|error| format!("{address:?}: {error}"))?;
        let credentials = match (value(self.password), value(self.hash)) {
            (None, None) => None,
            (Some(clear), None) => Some(Credentials::Password(Password::new(clear))),
            (None, Some(hash)) => Some(Credentials::Hash(Password::new(hash))),
            (Some(_), Some(_)) => return Err("there are both a password and a hash".to_owned()),
        };
        let quota = value(self.quota).map(quota).transpose()?;
        let message_quota = value(self.message_quota).map(|number| {
            let parsed = number.parse();
            parsed.map_err(|error| format!("{number:?}: {error}"))
        });
        Ok(ImportedAccount {
            address,
            credentials,
            quota,
            message_quota: message_quota.transpose()?,
        })
    }
}

fn quota(text: &str) -> Result<u64, String> {
    if let Ok(octets) = text.parse() {
        return Ok(octets);
    }
    let size: Result<Size, _> = text.parse();
    size.map(Size::octets)
        .map_err(|error| format!("{text:?}: {error}"))
}

fn columns(header: &str) -> Result<Columns, String> {
    let names = values(header.trim_start_matches('\u{feff}'))?;
    let mut columns = Columns::default();
    let mut address = None;
    for (place, name) in names.iter().enumerate() {
        match name.trim().to_ascii_lowercase().as_str() {
            "address" => address = Some(place),
            "password" => columns.password = Some(place),
            "hash" => columns.hash = Some(place),
            "quota" => columns.quota = Some(place),
            "message_quota" => columns.message_quota = Some(place),
            other => return Err(format!("{other:?} is no column; {KNOWN}")),
        }
    }
    columns.address = address.ok_or_else(|| format!("no column is named address; {KNOWN}"))?;
    Ok(columns)
}

const KNOWN: &str =
    "the first line names columns: address, and password, hash, quota or message_quota";

/// The values of a line.
fn values(line: &str) -> Result<Vec<String>, String> {
    let mut values = Vec::new();
    let mut rest = line;
    loop {
        let value;
        (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => match rest.find(',') {
                Some(end) => (rest[..end].to_owned(), &rest[end..]),
                None => (rest.to_owned(), ""),
            },
        };
        values.push(value);
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None if rest.is_empty() => return Ok(values),
            None => return Err("something stands behind a closing quotation mark".to_owned()),
        }
    }
}

/// What stands before the closing quotation mark, and what behind it.
fn quoted_value(mut rest: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    loop {
        let end = rest.find('"').ok_or("a quotation mark is not closed")?;
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                value.push('"');
                rest = more;
            }
            None => return Ok((value, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_values() {
        let check = |line: &str, expected: &[&str]| {
            assert_eq!(values(line).unwrap(), expected, "{line:?}");
        };
        check("", &[""]);
        check("a,b,", &["a", "b", ""]);
        check(r#""a,b","c""d""#, &["a,b", "c\"d"]);
        check(r#"a"b"#, &["a\"b"]);
        assert!(values(r#""a"#).is_err());
        assert!(values(r#""a"b,c"#).is_err());
    }

    #[test]
    fn a_table_is_read_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.csv");
        let text = "\u{feff}Address,quota,password,message_quota\r\n\
                    anna@example.org,2 GiB,\"a \"\"word\"\"\",9\n\nbert@example.org,1000\n\
                    nonsense\ncarl@example.org,lots,\n";
        std::fs::write(&path, text).unwrap();
        let (mut table, octets) = Table::open(&path).unwrap();
        assert_eq!(octets, text.len() as u64);
        let anna = table.next_row().unwrap().unwrap();
        assert_eq!((anna.line, anna.account.quota), (2, Some(2 << 30)));
        assert_eq!(anna.account.message_quota, Some(9));
        let word = Credentials::Password(Password::new("a \"word\""));
        assert_eq!(anna.account.credentials, Some(word));
        let bert = table.next_row().unwrap().unwrap();
        assert_eq!((bert.line, bert.account.quota), (4, Some(1000)));
        assert_eq!(bert.account.message_quota, None);
        assert_eq!(bert.account.credentials, None);
        for expected in [5, 6] {
            let wrong = table.next_row().unwrap();
            assert!(matches!(wrong, Err(Wrong::Line { line, .. }) if line == expected));
        }
        assert!(table.next_row().is_none());
    }

    #[test]
    fn columns_are_known() {
        assert!(columns("name,password").is_err());
        assert!(columns("").is_err());
        let expected = Columns {
            address: 1,
            hash: Some(0),
            ..Columns::default()
        };
        assert_eq!(columns("Hash,ADDRESS"), Ok(expected));
    }
}
