//! The URL of a bucket: `s3://bucket/prefix?endpoint=…&region=…`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::connect::ContentUrlError;

/// A bucket, what our names in it begin with, and the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Url {
    pub(super) bucket: Box<str>,
    /// Parts joined by `/`, or empty.
    pub(super) prefix: Box<str>,
    pub(super) endpoint: Option<Box<str>>,
    pub(super) region: Option<Box<str>>,
    pub(super) allow_http: bool,
    pub(super) credentials: Option<PathBuf>,
}

impl FromStr for S3Url {
    type Err = ContentUrlError;

    fn from_str(text: &str) -> Result<Self, ContentUrlError> {
        let rest = text.strip_prefix("s3://").ok_or(ContentUrlError::Bucket)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        if place.contains('@') {
            return Err(ContentUrlError::Credentials);
        }
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let mut url = Self {
            bucket: bucket.into(),
            prefix: prefix.into(),
            endpoint: None,
            region: None,
            allow_http: false,
            credentials: None,
        };
        if !is_name(bucket) || !(prefix.is_empty() || prefix.split('/').all(is_name)) {
            return Err(ContentUrlError::Bucket);
        }
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            url.set(parameter)?;
        }
        let clear = url
            .endpoint
            .as_ref()
            .is_some_and(|e| e.starts_with("http://"));
        if clear && !url.allow_http {
            return Err(ContentUrlError::Clear);
        }
        Ok(url)
    }
}

impl S3Url {
    fn set(&mut self, parameter: &str) -> Result<(), ContentUrlError> {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match (key, value) {
            ("endpoint", _) => {
                let host = ["http://", "https://"]
                    .iter()
                    .find_map(|s| value.strip_prefix(s));
                let host = host.ok_or(ContentUrlError::Endpoint)?;
                if host.is_empty() || host.contains('@') {
                    return Err(ContentUrlError::Endpoint);
                }
                self.endpoint = Some(value.trim_end_matches('/').into());
            }
            ("region", region) if is_name(region) => self.region = Some(region.into()),
            ("allow_http", "true") => self.allow_http = true,
            ("allow_http", "false") => self.allow_http = false,
            ("credentials_file", path) if Path::new(path).is_absolute() => {
                self.credentials = Some(path.into());
            }
            ("region" | "allow_http" | "credentials_file", _) => {
                return Err(ContentUrlError::Value(key.into()));
            }
            // Not shown, for it may be a secret in the wrong place.
            (_, _) => return Err(ContentUrlError::Parameter),
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    !text.is_empty() && text.bytes().all(allowed) && !matches!(text, "." | "..")
}

impl fmt::Display for S3Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        let credentials = self
            .credentials
            .as_ref()
            .map(|path| path.display().to_string());
        let parameters = [
            ("endpoint", self.endpoint.as_deref()),
            ("region", self.region.as_deref()),
            ("allow_http", self.allow_http.then_some("true")),
            ("credentials_file", credentials.as_deref()),
        ];
        let mut separator = '?';
        for (key, value) in parameters {
            let Some(value) = value else { continue };
            write!(f, "{separator}{key}={value}")?;
            separator = '&';
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_printed() {
        for text in [
            "s3://mail",
            "s3://mail/deep/er",
            "s3://mail?endpoint=https://s3.example.org:9000&region=eu-1",
            "s3://mail/x?endpoint=http://127.0.0.1:9000&allow_http=true&credentials_file=/run/secrets/s3",
        ] {
            let url: S3Url = text.parse().unwrap();
            assert_eq!(url.to_string(), text);
        }
        assert_eq!("s3://mail/".parse(), "s3://mail".parse::<S3Url>());
    }

    #[test]
    fn what_is_wrong_is_said_and_no_secret_with_it() {
        let check = |text: &str, expected| {
            assert_eq!(text.parse::<S3Url>(), Err(expected), "{text}");
        };
        check("s3:mail", ContentUrlError::Bucket);
        check("s3://", ContentUrlError::Bucket);
        check("s3:///prefix", ContentUrlError::Bucket);
        check("s3://mail/../other", ContentUrlError::Bucket);
        check("s3://mail//x", ContentUrlError::Bucket);
        check("s3://key:secret@mail", ContentUrlError::Credentials);
        check("s3://mail?secret_access_key=x", ContentUrlError::Parameter);
        check("s3://mail?endpoint=example.org", ContentUrlError::Endpoint);
        check(
            "s3://mail?endpoint=https://a:b@c",
            ContentUrlError::Endpoint,
        );
        check(
            "s3://mail?endpoint=http://127.0.0.1",
            ContentUrlError::Clear,
        );
        check(
            "s3://mail?allow_http=maybe",
            ContentUrlError::Value("allow_http".into()),
        );
        check(
            "s3://mail?credentials_file=x",
            ContentUrlError::Value("credentials_file".into()),
        );
    }
}
