//! `[engines]`: what stands behind the ports, by URL.
//!
//! Any bus goes with any store and any content. The embedded engines live in the
//! memory and the files of one process, so they serve `rohrpost serve` alone; a
//! service that runs on its own needs engines that the others reach too.

use serde::{Deserialize, Serialize};

/// The URLs of what stands behind the ports. What a URL may say beyond its scheme
/// is told by the adapter's `connect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Engines {
    /// The bus: `embedded`, `nats://…` or `tls://…` for NATS JetStream, `amqp://…`
    /// or `amqps://…` for RabbitMQ.
    pub bus: String,
    /// Directory, mailbox and ledger: `embedded`, or `redis://…` or `rediss://…`.
    pub store: String,
    /// Message content: `file:///absolute/path` or `s3://…`; empty for a directory
    /// in the data directory.
    pub content: String,
}

impl Default for Engines {
    fn default() -> Self {
        Self {
            bus: EMBEDDED.to_owned(),
            store: EMBEDDED.to_owned(),
            content: String::new(),
        }
    }
}

const EMBEDDED: &str = "embedded";

/// A port: its key, the schemes of its engines, and how an operator writes them.
struct Port {
    key: &'static str,
    schemes: &'static [&'static str],
    written: &'static str,
}

const BUS: Port = Port {
    key: "bus",
    schemes: &["nats", "tls", "amqp", "amqps"],
    written: "\"embedded\", \"nats://…\" or \"amqp://…\"",
};
const STORE: Port = Port {
    key: "store",
    schemes: &["redis", "rediss"],
    written: "\"embedded\" or \"redis://…\"",
};
const CONTENT: Port = Port {
    key: "content",
    schemes: &["file", "s3"],
    written: "\"file:///absolute/path\" or \"s3://…\"",
};

/// A key of `[engines]` that cannot be, and why.
pub(crate) type Wrong = (&'static str, String);

impl Engines {
    /// Whether each URL names an engine of its port.
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        BUS.check(&self.bus, &[EMBEDDED])?;
        STORE.check(&self.store, &[EMBEDDED])?;
        CONTENT.check(&self.content, &[""])?;
        self.check_content()
    }

    fn check_content(&self) -> Result<(), Wrong> {
        let wrong = |reason: &str| Err((CONTENT.key, reason.to_owned()));
        let place = |scheme| self.content.strip_prefix(scheme);
        if place("file://").is_some_and(|path| !path.starts_with('/')) {
            return wrong("a directory is written from the root: \"file:///absolute/path\"");
        }
        let bucket = place("s3://").map(|place| place.split(['/', '?']).next().unwrap_or_default());
        match bucket {
            Some("") => wrong("names no bucket; write \"s3://bucket/prefix\""),
            Some(bucket) if bucket.contains('@') => wrong(
                "credentials do not belong in the URL; they are read from AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY, or from a file: \"s3://bucket?credentials_file=/path\"",
            ),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a service that runs on its own finds the others behind them.
    pub(crate) fn check_shared(&self) -> Result<(), Wrong> {
        let alone = |key, what: &str, instead: &str| {
            let reason = format!(
                "{what} lives in the one process of `rohrpost serve`, and this service runs on its \
                 own; set it to {instead}, the same for all services"
            );
            Err((key, reason))
        };
        if self.bus == EMBEDDED {
            return alone(BUS.key, "the embedded bus", "\"nats://…\" or \"amqp://…\"");
        }
        if self.store == EMBEDDED {
            return alone(STORE.key, "the embedded store", "\"redis://…\"");
        }
        if self.content.is_empty() {
            let what = "the directory in the data directory";
            return alone(CONTENT.key, what, CONTENT.written);
        }
        Ok(())
    }

    /// The same without passwords, as they may be shown.
    pub(crate) fn without_passwords(&self) -> Self {
        Self {
            bus: without_password(&self.bus),
            store: without_password(&self.store),
            content: without_password(&self.content),
        }
    }
}

impl Port {
    fn check(&self, url: &str, words: &[&str]) -> Result<(), Wrong> {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        if words.contains(&url) || scheme.is_some_and(|scheme| self.schemes.contains(&scheme)) {
            return Ok(());
        }
        let others = [BUS, STORE, CONTENT].into_iter();
        let mut others = others.filter(|port| port.key != self.key);
        let place = scheme.and_then(|scheme| others.find(|port| port.schemes.contains(&scheme)));
        let reason = match (url, place) {
            ("", _) => format!("names no engine; write {}", self.written),
            (_, Some(port)) => format!(
                "{}:// is no {}, it belongs to engines.{}; write {}",
                scheme.unwrap_or_default(),
                self.key,
                port.key,
                self.written
            ),
            (_, None) => format!("no engine of this version; write {}", self.written),
        };
        Err((self.key, reason))
    }
}

/// The URL with stars in place of a password or a secret among its options.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
    let place = match place.rsplit_once('@') {
        Some((user, servers)) => match user.split_once(':') {
            Some((user, _)) => format!("{user}:***@{servers}"),
            None => place.to_owned(),
        },
        None => place.to_owned(),
    };
    let hidden = |option: &str| match option.split_once('=') {
        Some((key, _)) if key.contains("secret") && !key.ends_with("_file") => format!("{key}=***"),
        Some((key @ ("password" | "pass"), _)) => format!("{key}=***"),
        Some(_) | None => option.to_owned(),
    };
    let options: Vec<_> = options.split('&').map(hidden).collect();
    match options.join("&").as_str() {
        "" => format!("{scheme}://{place}"),
        options => format!("{scheme}://{place}?{options}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engines(bus: &str, store: &str, content: &str) -> Engines {
        Engines {
            bus: bus.to_owned(),
            store: store.to_owned(),
            content: content.to_owned(),
        }
    }

    #[test]
    fn every_bus_goes_with_every_store_and_content() {
        for bus in ["embedded", "nats://a", "tls://a", "amqp://a", "amqps://a"] {
            for store in ["embedded", "redis://a", "rediss://a"] {
                for content in ["", "file:///a", "s3://a"] {
                    engines(bus, store, content).check().unwrap();
                }
            }
        }
    }

    #[test]
    fn alone_a_service_needs_engines_that_others_reach() {
        let check = |bus, store, content, key| {
            let refused = engines(bus, store, content).check_shared().err();
            assert_eq!(refused.map(|(key, _)| key), key, "{bus} {store} {content}");
        };
        check("embedded", "redis://a", "file:///a", Some("bus"));
        check("nats://a", "embedded", "file:///a", Some("store"));
        check("nats://a", "redis://a", "", Some("content"));
        check("amqp://a", "redis://a", "s3://a", None);
    }

    #[test]
    fn passwords_are_not_shown() {
        let check = |url: &str, shown: &str| assert_eq!(without_password(url), shown);
        check("embedded", "embedded");
        check("", "");
        check(
            "nats://me:hush@a,b?replicas=3",
            "nats://me:***@a,b?replicas=3",
        );
        check(
            "redis://me@a?password_file=/x",
            "redis://me@a?password_file=/x",
        );
        check(
            "s3://b?secret_key=hush&region=x",
            "s3://b?secret_key=***&region=x",
        );
        check("redis://:hush@a", "redis://:***@a");
    }
}
