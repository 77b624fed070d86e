//! Where a broker is, and how its topics are made.
//!
//! ```text
//! nats://USER:PASSWORD@HOST:PORT,HOST:PORT?replicas=3&max_jobs=200000
//! amqps://USER@HOST:PORT/VHOST?password_file=/run/secrets/bus&ca=/etc/ca.pem
//! ```
//!
//! User and password are percent-encoded (RFC 3986 §2.1). A password never
//! appears in an error or in a log.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use message::Topic;

use crate::BusError;

/// The engine that a URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Engine {
    Embedded,
    Nats(Broker),
    Amqp(Broker),
}

/// A broker, and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broker {
    /// Tried in turn; never empty.
    pub(crate) servers: Vec<Server>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) tls: bool,
    /// Certificates, in PEM, to trust besides the system's.
    pub(crate) ca: Option<PathBuf>,
    /// The virtual host of AMQP.
    pub(crate) vhost: String,
    pub(crate) shape: Shape,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// How the topics are made on the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Stands before every name, for brokers that several systems share.
    pub(crate) prefix: String,
    /// How many jobs a topic holds before it refuses.
    pub(crate) max_jobs: u32,
    /// On how many nodes of a cluster each job is.
    pub(crate) replicas: u8,
    /// After how long without a sign of life from its consumer a job is given
    /// to another one. NATS only; AMQP knows by the connection.
    pub(crate) ack_wait: Duration,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            max_jobs: 200_000,
            replicas: 1,
            ack_wait: Duration::from_secs(10),
        }
    }
}

impl Shape {
    /// A topic's name on the broker.
    pub(crate) fn name(&self, topic: Topic) -> String {
        match self.prefix.as_str() {
            "" => topic.name().to_owned(),
            prefix => format!("{prefix}.{topic}"),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Engine {
    pub(crate) fn parse(url: &str) -> Result<Self, BusError> {
        Self::read(url).map_err(|reason| BusError::Url {
            url: without_password(url),
            reason,
        })
    }

    fn read(url: &str) -> Result<Self, String> {
        if url == "embedded" {
            return Ok(Self::Embedded);
        }
        let scheme = url.split_once("://");
        match scheme {
            Some(("nats", rest)) => Broker::read(rest, 4222, false).map(Self::Nats),
            Some(("tls", rest)) => Broker::read(rest, 4222, true).map(Self::Nats),
            Some(("amqp", rest)) => Broker::read(rest, 5672, false).map(Self::Amqp),
            Some(("amqps", rest)) => Broker::read(rest, 5671, true).map(Self::Amqp),
            Some(_) | None => {
                Err("this version knows `embedded`, nats://, tls://, amqp:// and amqps://".into())
            }
        }
    }
}

impl Broker {
    fn read(rest: &str, port: u16, tls: bool) -> Result<Self, String> {
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, vhost) = match place.split_once('/') {
            None | Some((_, "")) => (place.trim_end_matches('/'), "/".to_owned()),
            Some((authority, vhost)) => (authority, decoded(vhost)?),
        };
        let (user, servers) = match authority.rsplit_once('@') {
            Some((user, servers)) => (Some(user), servers),
            None => (None, authority),
        };
        let mut options = Options::read(options)?;
        let broker = Self {
            servers: Server::list(servers, port)?,
            credentials: Credentials::read(user, options.take("password_file"))?,
            tls,
            ca: options.take("ca").map(PathBuf::from),
            vhost,
            shape: Shape::read(&mut options)?,
        };
        match broker.ca.is_some() && !tls {
            true => Err("`ca` is for TLS only: use tls:// or amqps://".to_owned()),
            false => options.finish().map(|()| broker),
        }
    }
}

impl Server {
    fn list(text: &str, port: u16) -> Result<Vec<Self>, String> {
        text.split(',')
            .map(|server| Self::read(server, port))
            .collect()
    }

    /// `HOST`, `HOST:PORT`, `[IPv6]` or `[IPv6]:PORT`.
    fn read(text: &str, default: u16) -> Result<Self, String> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            Some(_) | None => (text, None),
        };
        let port = port.map_or(Ok(default), str::parse);
        match port {
            Ok(port) if port > 0 && !host.is_empty() => Ok(Self {
                host: host.to_owned(),
                port,
            }),
            Ok(_) | Err(_) => Err(format!("{text:?} is not a host with a port")),
        }
    }
}

impl Credentials {
    fn read(user: Option<&str>, file: Option<String>) -> Result<Option<Self>, String> {
        let (user, password) = match (user, file) {
            (None, None) => return Ok(None),
            (None, Some(_)) => return Err("a password file, but no user".to_owned()),
            (Some(user), None) => match user.split_once(':') {
                Some((user, password)) => (user, decoded(password)?),
                None => return Err("a user without a password".to_owned()),
            },
            (Some(user), Some(file)) => {
                let password = std::fs::read_to_string(&file);
                let password = password.map_err(|error| format!("{file}: {error}"))?;
                (user, password.trim_end_matches(['\r', '\n']).to_owned())
            }
        };
        let user = decoded(user)?;
        Ok(Some(Self { user, password }))
    }
}

impl Shape {
    fn read(options: &mut Options) -> Result<Self, String> {
        let default = Self::default();
        let shape = Self {
            prefix: options.take("prefix").unwrap_or(default.prefix),
            max_jobs: options
                .number("max_jobs", 1..=u32::MAX)?
                .unwrap_or(default.max_jobs),
            replicas: options
                .number("replicas", 1..=5)?
                .unwrap_or(default.replicas),
            ack_wait: options
                .number("ack_wait", 1..=3600)?
                .map_or(default.ack_wait, Duration::from_secs),
        };
        let plain = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        match shape.prefix.bytes().all(plain) {
            true => Ok(shape),
            false => Err("`prefix` takes letters, digits and hyphens".to_owned()),
        }
    }
}

/// What stands behind the question mark.
struct Options(BTreeMap<String, String>);

impl Options {
    fn read(text: &str) -> Result<Self, String> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let options = pairs.map(|pair| match pair.split_once('=') {
            Some((key, value)) => Ok((key.to_owned(), decoded(value)?)),
            None => Err(format!("the option {pair:?} has no value")),
        });
        options.collect::<Result<_, _>>().map(Self)
    }

    fn take(&mut self, key: &str) -> Option<String> {
        self.0.remove(key)
    }

    fn number<N>(
        &mut self,
        key: &str,
        range: std::ops::RangeInclusive<N>,
    ) -> Result<Option<N>, String>
    where
        N: std::str::FromStr + PartialOrd + fmt::Display,
    {
        let Some(text) = self.take(key) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            Ok(_) | Err(_) => Err(format!(
                "`{key}` is a number from {} to {}",
                range.start(),
                range.end()
            )),
        }
    }

    /// Every option was of use.
    fn finish(self) -> Result<(), String> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(key) => Err(format!("there is no option {key:?}")),
        }
    }
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || "wrong percent-encoding".to_owned();
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => {
                let digit = |octet: Option<u8>| char::from(octet?).to_digit(16);
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let value = high.zip(low).map(|(high, low)| high << 4 | low);
                value.and_then(|v| u8::try_from(v).ok()).ok_or_else(wrong)?
            }
            other => other,
        });
    }
    String::from_utf8(octets).map_err(|_| wrong())
}

/// The URL as it may be shown.
fn without_password(url: &str) -> String {
    let start = url.find("://").map_or(0, |scheme| scheme + 3);
    let (scheme, rest) = url.split_at(start);
    match rest.rsplit_once('@') {
        Some((user, servers)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}{user}@{servers}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(url: &str) -> Broker {
        match Engine::parse(url) {
            Ok(Engine::Nats(broker) | Engine::Amqp(broker)) => broker,
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn urls_name_brokers() {
        let plain = broker("nats://localhost");
        assert_eq!(
            plain.servers,
            [Server {
                host: "localhost".into(),
                port: 4222
            }]
        );
        assert_eq!((plain.tls, plain.credentials), (false, None));
        assert_eq!((plain.vhost.as_str(), plain.shape), ("/", Shape::default()));

        let full =
            broker("nats://me:p%40ss@a:1,[::1]:2,c?replicas=3&max_jobs=7&prefix=t1&ack_wait=2");
        let servers: Vec<_> = full.servers.iter().map(Server::to_string).collect();
        assert_eq!(servers, ["a:1", "[::1]:2", "c:4222"]);
        assert_eq!(full.credentials.unwrap().password, "p@ss");
        assert_eq!((full.shape.replicas, full.shape.max_jobs), (3, 7));
        assert_eq!(full.shape.ack_wait, Duration::from_secs(2));
        assert_eq!(full.shape.name(Topic::Local), "t1.mail.local");

        let amqp = broker("amqps://u:p@host/post%2Foffice?ca=/etc/ca.pem");
        assert_eq!((amqp.vhost.as_str(), amqp.tls), ("post/office", true));
        assert_eq!(amqp.servers[0].to_string(), "host:5671");
        assert_eq!(amqp.ca, Some("/etc/ca.pem".into()));
    }

    #[test]
    fn passwords_come_from_files() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "secret\n").unwrap();
        let url = format!("amqp://me@host?password_file={}", file.path().display());
        assert_eq!(broker(&url).credentials.unwrap().password, "secret");
    }

    #[test]
    fn wrong_urls_say_why_and_keep_the_secret() {
        for (url, reason) in [
            ("kafka://me:hush@host", "this version knows"),
            ("nats://me:hush@host:0", "not a host with a port"),
            ("nats://me:hush@:4222", "not a host with a port"),
            ("nats://me:hush@host?replicas=9", "from 1 to 5"),
            ("nats://me:hush@host?colour=red", "no option \"colour\""),
            ("nats://me:hush@host?prefix=a.b", "letters, digits"),
            ("nats://me:hush@host?ca=/x", "for TLS only"),
            ("nats://me@host", "without a password"),
            ("nats://host?password_file=/x", "no user"),
            ("nats://me:hush%zz@host", "percent"),
        ] {
            let error = Engine::parse(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
