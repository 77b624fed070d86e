//! Choosing an adapter by URL.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use message::{Clock, Randomness};

use crate::file::FileStore;
use crate::{ContentStore, Error, S3Store, S3Url, WriterName};

/// Where contents are kept, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentUrl {
    /// `file:///absolute/path`: a directory of this host.
    File(PathBuf),
    /// `s3://bucket/prefix?endpoint=…&region=…`: a bucket, for many hosts.
    S3(S3Url),
}

/// Text that names no content store. None of it tells what may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentUrlError {
    /// Only a path from the root means the same for every process.
    #[error("a content directory is written file:///absolute/path")]
    Relative,
    /// Some other scheme, or none.
    #[error("a content URL begins with file:// or s3://")]
    Scheme,
    /// No bucket, or a name that is none.
    #[error("a bucket is written s3://bucket or s3://bucket/prefix, of letters, digits, . _ -")]
    Bucket,
    /// URLs are logged.
    #[error(
        "credentials do not belong in the URL; they are read from AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY, or from the file named by credentials_file=/path"
    )]
    Credentials,
    /// Not where requests could go.
    #[error("endpoint is written https://host or http://host, without credentials")]
    Endpoint,
    /// Mail would pass in clear.
    #[error("an endpoint with http:// needs allow_http=true")]
    Clear,
    /// A parameter that cannot have this value.
    #[error(
        "{0} has a value that it cannot have: region is a name, allow_http true or false, \
         credentials_file an absolute path"
    )]
    Value(Box<str>),
    /// A parameter that nobody knows.
    #[error(
        "an S3 URL takes endpoint, region, allow_http and credentials_file, and no other parameter"
    )]
    Parameter,
}

impl FromStr for ContentUrl {
    type Err = ContentUrlError;

    fn from_str(text: &str) -> Result<Self, ContentUrlError> {
        if text.starts_with("s3:") {
            return text.parse().map(Self::S3);
        }
        let path = text
            .strip_prefix("file://")
            .ok_or(ContentUrlError::Scheme)?;
        let absolute = Path::new(path).is_absolute();
        absolute
            .then(|| Self::File(path.into()))
            .ok_or(ContentUrlError::Relative)
    }
}

impl fmt::Display for ContentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file://{}", path.display()),
            Self::S3(url) => url.fmt(f),
        }
    }
}

/// Called when an fsync failed; must end the process.
pub type SyncFailure = Arc<dyn Fn(&io::Error) + Send + Sync>;

/// What an adapter is given by the process.
#[derive(Clone)]
pub struct Settings {
    /// The name this process writes under; none if it only reads and removes.
    pub writer: Option<WriterName>,
    /// Tells when a content was written.
    pub clock: Arc<dyn Clock>,
    /// Makes ids unique.
    pub random: Arc<dyn Randomness>,
    /// So many octets of the disk stay free: beneath, new contents are refused
    /// as on a full disk. A bucket has no such limit.
    pub min_free: u64,
    /// Ends the process after a failed fsync. A test may return from it: the
    /// store then refuses everything with [`Error::Stopped`].
    pub on_sync_failure: SyncFailure,
}

/// The free space that is kept where nothing else is said: enough for the
/// engines beside us to settle what was accepted.
const MIN_FREE: u64 = 64 << 20;

impl Settings {
    /// Settings under which a failed fsync is logged and ends the process.
    pub fn new(
        writer: Option<WriterName>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Randomness>,
    ) -> Self {
        Self {
            writer,
            clock,
            random,
            min_free: MIN_FREE,
            on_sync_failure: Arc::new(exit),
        }
    }
}

/// The exit status after a failed fsync: `EX_IOERR` of sysexits.
const EX_IOERR: i32 = 74;

fn exit(error: &io::Error) {
    tracing::error!(%error, "fsync of content failed; exiting, the next start is safe");
    std::process::exit(EX_IOERR);
}

/// Opens the store at `url`. Where the process writes, this makes its directory,
/// or proves that it may write to the bucket.
pub async fn connect(url: &ContentUrl, settings: Settings) -> Result<Arc<dyn ContentStore>, Error> {
    match url {
        ContentUrl::File(root) => Ok(Arc::new(FileStore::open(root, settings).await?)),
        ContentUrl::S3(url) => Ok(Arc::new(S3Store::open(url, settings).await?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_choose_the_adapter_or_say_why_not() {
        let check = |text: &str, expected| assert_eq!(text.parse::<ContentUrl>(), expected);
        check(
            "file:///var/lib/x",
            Ok(ContentUrl::File("/var/lib/x".into())),
        );
        check("file://data", Err(ContentUrlError::Relative));
        check("/var/lib/x", Err(ContentUrlError::Scheme));
        check("s3:bucket", Err(ContentUrlError::Bucket));
        for text in ["file:///var/lib/x", "s3://bucket/prefix"] {
            let url: ContentUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), text);
        }
    }
}
