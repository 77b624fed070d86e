//! A file of credentials, as Docker and Kubernetes mount secrets.
//!
//! Lines of `name = value` with the names of the AWS environment variables, in
//! upper or lower case, so that both an env file and a profile of
//! `~/.aws/credentials` will do. Its octets stand in no error and no log.

use std::fs;
use std::io::{Error, ErrorKind};
use std::path::Path;

/// What requests are signed with.
pub(super) struct Credentials {
    pub(super) key_id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

impl Credentials {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path)?;
        Self::parse(&text).map_err(|reason| Error::new(ErrorKind::InvalidData, reason))
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let (mut key_id, mut secret, mut token) = (None, None, None);
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '['])) {
            let (name, value) = line.split_once('=').ok_or("a line is not name = value")?;
            let field = match name.trim().to_ascii_lowercase().as_str() {
                "aws_access_key_id" => &mut key_id,
                "aws_secret_access_key" => &mut secret,
                "aws_session_token" => &mut token,
                _other => return Err("a name is none of the AWS credentials'"),
            };
            if field.replace(value.trim().to_owned()).is_some() {
                return Err("a credential stands there twice");
            }
        }
        Ok(Self {
            key_id: key_id.ok_or("AWS_ACCESS_KEY_ID is missing")?,
            secret: secret.ok_or("AWS_SECRET_ACCESS_KEY is missing")?,
            token,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_are_read() {
        let check = |text, expected| {
            let read = Credentials::parse(text).map(|c| (c.key_id, c.secret, c.token));
            assert_eq!(read, expected);
        };
        let both =
            |token: Option<&str>| Ok(("id".to_owned(), "s=1".to_owned(), token.map(str::to_owned)));
        check(
            "AWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY=s=1\n",
            both(None),
        );
        let profile = "[default]\n# ours\naws_access_key_id = id\n\
            aws_secret_access_key = s=1\naws_session_token = t\n";
        check(profile, both(Some("t")));
        check(
            "AWS_ACCESS_KEY_ID=id",
            Err("AWS_SECRET_ACCESS_KEY is missing"),
        );
        check("secret", Err("a line is not name = value"));
        check("region = x", Err("a name is none of the AWS credentials'"));
        check(
            "aws_session_token=1\nAWS_SESSION_TOKEN=2",
            Err("a credential stands there twice"),
        );
    }
}
