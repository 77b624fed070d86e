//! A house for the tests: who lives there, who writes, and the route as text.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "no test uses all of it")]

pub(crate) mod running;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use content::{ContentStore, ContentUrl, Settings, Stored, Trailer};
use message::srs::Rewriter;
use message::time::{ManualClock, SeededRandomness};
use message::{
    AccountId, Body, Clock, ContentId, Destination, Domain, Envelope, MessageId, Notify, Protocol,
    Recipient, Timestamp, TraceContext, Transaction,
};
use router::{Routing, Ways};
use store::directory::{Account, Alias, DomainRecord, PasswordHash};
use store::ledger::{Acceptance, Entry, Route};
use store::{Directory, EmbeddedStore, Ledger, StoreOptions};
use tempfile::TempDir;

pub(crate) struct House {
    pub(crate) store: Arc<EmbeddedStore>,
    pub(crate) content: Arc<dyn ContentStore>,
    pub(crate) clock: ManualClock,
    pub(crate) random: Arc<SeededRandomness>,
    pub(crate) rewriter: Option<Rewriter>,
    ways: Smarthosts,
    _files: TempDir,
}

/// A message as a test writes it.
pub(crate) struct Letter<'a> {
    pub(crate) from: &'a str,
    /// Recipients, each with what it asks to hear: `bob@example.org SUCCESS`.
    pub(crate) to: &'a [&'a str],
    pub(crate) content: &'a str,
}

impl House {
    /// Lines of `domain NAME POSTMASTER [CATCH-ALL]`, `account ADDRESS` and
    /// `alias ADDRESS TARGET…`.
    pub(crate) async fn open(lines: &str) -> Self {
        let files = TempDir::new().unwrap();
        let clock = ManualClock::at("2026-11-23T12:00:00Z");
        let random = Arc::new(SeededRandomness::new(1));
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let options = StoreOptions {
            journal: 1 << 20,
            ..StoreOptions::default()
        };
        let on_failure = Arc::new(|error: &std::io::Error| panic!("{error}"));
        let folder = files.path().join("store");
        let store = EmbeddedStore::open(&folder, options, shared.clone(), on_failure).unwrap();
        let writer = Some("test".parse().unwrap());
        let url = ContentUrl::File(files.path().join("content"));
        let settings = Settings::new(writer, shared, random.clone());
        let smarthost = "smarthost:relay.example:587".parse().unwrap();
        let ways = BTreeMap::from([("via.example".parse().unwrap(), smarthost)]);
        let house = Self {
            store: Arc::new(store),
            content: content::connect(&url, settings).await.unwrap(),
            clock,
            random,
            rewriter: None,
            ways: Smarthosts(ways),
            _files: files,
        };
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            house.furnish(line).await;
        }
        house
    }

    /// One that rewrites return paths to `domain`.
    pub(crate) async fn rewriting(lines: &str, domain: &str) -> Self {
        let max_age = Duration::from_secs(21 * 24 * 60 * 60);
        let rewriter = Rewriter::new(domain.parse().unwrap(), ["a secret of tests"], max_age);
        Self {
            rewriter,
            ..Self::open(lines).await
        }
    }

    async fn furnish(&self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["domain", name, postmaster, ref catch_all @ ..] => {
                let domain = DomainRecord {
                    name: name.parse().unwrap(),
                    postmaster: postmaster.parse().unwrap(),
                    catch_all: catch_all.first().map(|address| address.parse().unwrap()),
                };
                self.store.add_domain(domain).await.unwrap();
            }
            ["account", address] => {
                let account = Account {
                    id: AccountId::draw(self.random.as_ref()),
                    address: address.parse().unwrap(),
                    password: PasswordHash::new("-".into()),
                    quota: Default::default(),
                };
                self.store.add_account(account).await.unwrap();
            }
            ["alias", address, ref targets @ ..] => {
                let targets = targets
                    .iter()
                    .map(|target| target.parse().unwrap())
                    .collect();
                let alias = Alias {
                    address: address.parse().unwrap(),
                    targets,
                };
                self.store.add_alias(alias).await.unwrap();
            }
            _ => panic!("{line:?}"),
        }
    }

    /// The entry that acceptance of the letter makes, its content stored.
    pub(crate) async fn entry(&self, letter: &Letter<'_>) -> Entry {
        let message = MessageId::draw(&self.clock, self.random.as_ref());
        let stored = self.store_content(message, letter.content).await;
        let envelope = Envelope {
            return_path: letter.from.parse().unwrap(),
            recipients: letter.to.iter().map(|text| recipient(text)).collect(),
            ret: None,
            envelope_id: None,
            body: Body::SevenBit,
            smtputf8: false,
            transaction: Transaction::by(Protocol::Smtp),
        };
        Entry {
            acceptance: Acceptance {
                message,
                envelope,
                content: stored.id,
                size: stored.octets,
                trace: TraceContext {
                    trace: message,
                    span: 0,
                    sampled: false,
                },
                notice_of: None,
            },
            accepted_at: self.clock.now(),
        }
    }

    async fn store_content(&self, message: MessageId, octets: &str) -> Stored {
        let mut writer = self.content.create().await.unwrap();
        writer.write(octets.as_bytes()).await.unwrap();
        let trailer = Trailer {
            message,
            prefix: Bytes::from_static(b"Received: from test\r\n"),
            envelope: None,
        };
        writer.finish(trailer).await.unwrap()
    }

    /// Stores a content, and accepts nothing.
    pub(crate) async fn put(&self, octets: &str) -> ContentId {
        let message = MessageId::draw(&self.clock, self.random.as_ref());
        self.store_content(message, octets).await.id
    }

    pub(crate) fn ledger(&self) -> &dyn Ledger {
        self.store.as_ref()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn decide(&self, entry: &Entry) -> Route {
        let routing = Routing {
            directory: self.store.as_ref(),
            content: self.content.as_ref(),
            ways: &self.ways,
            rewriter: self.rewriter.as_ref(),
            now: self.clock.now(),
        };
        routing.decide(entry).await.unwrap()
    }

    /// Checks the route of a letter, as text.
    pub(crate) async fn check(&self, letter: &Letter<'_>, expected: &str) {
        let entry = self.entry(letter).await;
        let route = self.decide(&entry).await;
        let lines = expected.lines().map(str::trim).filter(|l| !l.is_empty());
        let expected: String = lines.flat_map(|line| [line, "\n"]).collect();
        assert_eq!(printed(&route, &entry), expected, "for {:?}", letter.to);
    }
}

fn recipient(text: &str) -> Recipient {
    let (address, notify) = text.split_once(' ').unwrap_or((text, ""));
    let says = |word| notify.split(',').any(|said| said == word);
    Recipient {
        address: address.parse().unwrap(),
        notify: match notify {
            "" => Notify::Unspecified,
            "NEVER" => Notify::Never,
            _ => Notify::When {
                success: says("SUCCESS"),
                failure: says("FAILURE"),
                delay: says("DELAY"),
            },
        },
        orcpt: None,
    }
}

struct Smarthosts(BTreeMap<Domain, Destination>);

impl Ways for Smarthosts {
    fn destination(&self, domain: &Domain) -> Destination {
        let dns = || Destination::Domain(domain.clone());
        self.0.get(domain).cloned().unwrap_or_else(dns)
    }
}

/// Decisions and jobs; of a job's return path only what differs from the
/// envelope's.
pub(crate) fn printed(route: &Route, entry: &Entry) -> String {
    let mut text = String::new();
    for decision in &route.decisions {
        let _ = write!(text, "{}: {:?}", decision.original, decision.why);
        for alias in &decision.chain {
            let _ = write!(text, " by {alias}");
        }
        if let Some(to) = &decision.to {
            let _ = write!(text, " to {to}");
        }
        if let Some(outcome) = &decision.outcome {
            let _ = write!(text, ": {:?} {}", outcome.verdict, outcome.status);
        }
        text.push('\n');
    }
    for job in &route.jobs {
        let _ = write!(text, "job {}", job.destination);
        for alias in &job.passed_on_by {
            let _ = write!(text, " by {alias}");
        }
        if job.return_path != entry.acceptance.envelope.return_path {
            let _ = write!(text, " from {}", job.return_path);
        }
        text.push(':');
        for recipient in &job.recipients {
            let _ = write!(text, " {}{:?}", recipient.address, recipient.originals);
        }
        if !job.expanded.is_empty() {
            let _ = write!(text, " expanded{:?}", job.expanded);
        }
        text.push('\n');
    }
    text
}
