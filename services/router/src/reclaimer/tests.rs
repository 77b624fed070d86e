//! The sweep, over both engines.

use bytes::Bytes;
use content::{ContentUrl, Settings, Trailer};
use message::time::{ManualClock, SeededRandomness};
use message::{
    AccountId, Body, Envelope, MessageId, Protocol, Randomness, TraceContext, Transaction,
};
use servers::RedisServer;
use store::ledger::Acceptance;
use store::mailbox::{Expunge, MailboxId, MailboxName, NewEntry, Quota};
use store::{EmbeddedStore, RedisStore, StoreOptions, Time};
use telemetry::Metrics;
use tempfile::TempDir;

use super::*;

const ANNA: AccountId = AccountId::from_bits(0xa);
const BERT: AccountId = AccountId::from_bits(0xb);

struct House {
    reclaimer: Reclaimer,
    clock: ManualClock,
    random: Arc<dyn Randomness>,
    _files: TempDir,
}

impl House {
    async fn open<S: MailboxStore + Ledger + 'static>(
        clock: ManualClock,
        files: TempDir,
        store: S,
    ) -> Self {
        let store = Arc::new(store);
        let random: Arc<dyn Randomness> = Arc::new(SeededRandomness::new(1));
        let writer = Some("test".parse().unwrap());
        let url = ContentUrl::File(files.path().join("content"));
        let settings = Settings::new(writer, Arc::new(clock.clone()), random.clone());
        Self {
            reclaimer: Reclaimer {
                lookout: Lookout::new(store.clone(), Metrics::default()),
                ledger: store.clone(),
                mailbox: store,
                content: content::connect(&url, settings).await.unwrap(),
                clock: Arc::new(clock.clone()),
            },
            clock,
            random,
            _files: files,
        }
    }

    /// A content that Anna refers to.
    async fn referred(&self) -> (MessageId, ContentId) {
        let message = MessageId::draw(&self.clock, self.random.as_ref());
        let mut writer = self.reclaimer.content.create().await.unwrap();
        writer.write(b"Subject: x\r\n\r\n").await.unwrap();
        let trailer = Trailer {
            message,
            prefix: Bytes::new(),
            envelope: None,
        };
        let stored = writer.finish(trailer).await.unwrap();
        self.refer(&stored.id, ANNA).await;
        (message, stored.id)
    }

    async fn refer(&self, content: &ContentId, account: AccountId) {
        let ledger = &self.reclaimer.ledger;
        let referred = ledger.refer(content, Holder::Account(account)).await;
        referred.unwrap();
    }

    async fn show(&self, content: &ContentId, account: AccountId) {
        let entry = NewEntry {
            delivery: None,
            content: content.clone(),
            prefix: String::new(),
            size: 14,
            internal_date: self.clock.now(),
            flags: Vec::new(),
        };
        let mailbox = &self.reclaimer.mailbox;
        let inbox = MailboxName::inbox();
        let shown = mailbox.append(account, &inbox, entry, Quota::NONE).await;
        shown.unwrap();
    }

    async fn accept(&self, message: MessageId, content: &ContentId) {
        let envelope = Envelope {
            return_path: "<>".parse().unwrap(),
            recipients: vec![message::Recipient {
                address: "anna@example.org".parse().unwrap(),
                notify: message::Notify::Unspecified,
                orcpt: None,
            }],
            ret: None,
            envelope_id: None,
            body: Body::SevenBit,
            smtputf8: false,
            transaction: Transaction::by(Protocol::Smtp),
        };
        let acceptance = Acceptance {
            message,
            envelope,
            content: content.clone(),
            size: 14,
            trace: TraceContext {
                trace: message,
                span: 0,
                sampled: false,
            },
            notice_of: None,
        };
        self.reclaimer.ledger.accept(acceptance).await.unwrap();
    }

    /// Who refers to a content after a sweep.
    async fn swept(&self, content: &ContentId) -> Vec<Holder> {
        assert!(self.reclaimer.sweep().await.unwrap());
        let mut holders = self.reclaimer.holders(content).await.unwrap();
        holders.sort();
        holders
    }
}

async fn references_that_nobody_needs_are_given_back(house: House) {
    let anna = Holder::Account(ANNA);
    let (_, leaked) = house.referred().await;
    let (_, shared) = house.referred().await;
    house.refer(&shared, BERT).await;
    house.show(&shared, BERT).await;
    let (message, open) = house.referred().await;
    house.accept(message, &open).await;

    house.clock.advance(SWEEP_AGE - Duration::from_secs(60));
    assert_eq!(house.swept(&leaked).await, [anna], "it may be appended yet");
    house.clock.advance(Duration::from_secs(120));
    assert_eq!(house.swept(&leaked).await, []);
    assert_eq!(house.swept(&shared).await, [Holder::Account(BERT)]);
    let entry = Holder::Entry(message);
    assert_eq!(house.swept(&open).await, [entry, anna], "it is on its way");
    let later = house.clock.now() + GRACE;
    let condemned = house.reclaimer.ledger.condemned(later, 10).await.unwrap();
    assert_eq!(condemned, [leaked]);

    let (mailbox, inbox) = (&house.reclaimer.mailbox, MailboxId::INBOX);
    let gone = mailbox.expunge(BERT, inbox, &[1], Expunge::All).await;
    assert_eq!(gone.unwrap(), [1]);
    assert_eq!(house.swept(&shared).await, []);
    house.reclaimer.pass_on_releases().await.unwrap();
}

async fn a_content_of_very_many_holders_is_swept_whole(house: House) {
    let (_, content) = house.referred().await;
    for number in 0..MOST_HOLDERS as u64 + 300 {
        house
            .refer(&content, AccountId::from_bits(1 << 32 | number))
            .await;
    }
    house
        .show(&content, AccountId::from_bits(1 << 32 | 1_299))
        .await;
    house.clock.advance(SWEEP_AGE + Duration::from_secs(60));
    let last = AccountId::from_bits(1 << 32 | 1_299);
    assert_eq!(house.swept(&content).await, [Holder::Account(last)]);
}

async fn embedded() -> House {
    let files = TempDir::new().unwrap();
    let clock = ManualClock::at("2026-11-23T12:00:00Z");
    let failed = Arc::new(|error: &std::io::Error| panic!("{error}"));
    let options = StoreOptions::default();
    let folder = files.path().join("store");
    let store = EmbeddedStore::open(&folder, options, Arc::new(clock.clone()), failed);
    House::open(clock, files, store.unwrap()).await
}

async fn redis(server: &RedisServer) -> House {
    store::init(&server.url()).await.unwrap();
    let clock = ManualClock::at("2026-11-23T12:00:00Z");
    let time = Time::Given(Arc::new(clock.clone()));
    let store = RedisStore::connect(&server.url(), StoreOptions::default(), time).await;
    House::open(clock, TempDir::new().unwrap(), store.unwrap()).await
}

#[tokio::test]
async fn embedded_references_are_swept() {
    references_that_nobody_needs_are_given_back(embedded().await).await;
    a_content_of_very_many_holders_is_swept_whole(embedded().await).await;
}

#[tokio::test]
async fn redis_references_are_swept() {
    let server = RedisServer::start("appendfsync no").await.unwrap();
    references_that_nobody_needs_are_given_back(redis(&server).await).await;
    let server = RedisServer::start("appendfsync no").await.unwrap();
    a_content_of_very_many_holders_is_swept_whole(redis(&server).await).await;
}
