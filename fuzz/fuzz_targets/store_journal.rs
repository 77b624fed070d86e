//! The embedded store after a crash, with a journal of any damage: the store
//! holds what was written, or says that it cannot be read.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use message::{AccountId, Body, Envelope, MessageId, Protocol, Recipient, ReversePath};
use message::{TraceContext, Transaction};
use store::directory::{Account, Alias, Directory, DomainRecord, PasswordHash};
use store::ledger::{Acceptance, Entries, Queue, QueueFilter};
use store::mailbox::{Flag, MailboxId, MailboxName, MailboxStore, NewEntry, Quota};
use store::{EmbeddedStore, StoreError, StoreOptions};
use tokio::runtime::Runtime;

use fuzz::damage;

/// Of each of the two files.
const JOURNAL: usize = 16 * 1024;
const ACCOUNT: AccountId = AccountId::from_bits(7);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(fuzz::runtime);
static CRASHED: LazyLock<Crashed> = LazyLock::new(|| RUNTIME.block_on(Crashed::new()));

fuzz_target!(|input: &[u8]| {
    let Some((&setting, rest)) = input.split_first() else {
        return;
    };
    let seals = setting & 1 != 0;
    let edits: Vec<_> = damage::edits(rest).collect();
    let mut journal = CRASHED.journal.clone();
    edits.iter().for_each(|edit| edit.apply(&mut journal));
    if seals {
        seal(&mut journal);
    }
    // A burst that no CRC-32 overlooks.
    let slight = !seals && matches!(edits.as_slice(), [edit] if edit.octets.len() <= 4);
    let fresh = Files(&CRASHED.directory);
    fresh.set_back(&journal);
    match fresh.open() {
        Ok(store) => {
            let state = RUNTIME.block_on(read(&store));
            let expected = [&CRASHED.state, &CRASHED.before];
            assert!(!slight || expected.contains(&&state), "{state}");
            drop(store);
            let store = fresh.open().expect("what was opened once is opened again");
            assert_eq!(RUNTIME.block_on(read(&store)), state);
        }
        Err(error) => assert!(matches!(error, StoreError::Corrupt { .. }), "{error}"),
    }
});

/// A store whose database has nothing of what its journal holds.
struct Crashed {
    directory: PathBuf,
    /// Both files, one behind the other.
    journal: Vec<u8>,
    /// All that can be read, and what could before the last step.
    state: String,
    before: String,
}

impl Crashed {
    async fn new() -> Self {
        let directory = fuzz::scratch();
        let files = Files(&directory);
        let store = files.open().expect("a new store opens");
        fill(&store).await;
        let before = read(&store).await;
        let name = "second.example".parse().unwrap();
        let postmaster = "info@example.org".parse().unwrap();
        let last = DomainRecord {
            name,
            postmaster,
            catch_all: None,
        };
        store.add_domain(last).await.expect("added");
        let state = read(&store).await;
        assert_ne!(state, before);
        drop(store);
        Self {
            journal: files.journal(),
            directory,
            state,
            before,
        }
    }
}

/// The files of a store.
struct Files<'a>(&'a Path);

impl Files<'_> {
    fn open(&self) -> Result<EmbeddedStore, StoreError> {
        let options = StoreOptions {
            cache: 1 << 20,
            journal: JOURNAL as u64,
            ..StoreOptions::default()
        };
        let fail = Arc::new(|error: &std::io::Error| panic!("fsync failed: {error}"));
        EmbeddedStore::open(self.0, options, Arc::new(fuzz::clock()), fail)
    }

    fn journal(&self) -> Vec<u8> {
        let file = |name| fs::read(self.0.join(name)).expect("a file of the journal");
        [file("journal-0"), file("journal-1")].concat()
    }

    fn set_back(&self, journal: &[u8]) {
        let _ = fs::remove_file(self.0.join("state.redb"));
        let (first, second) = journal.split_at(JOURNAL);
        fuzz::write(&self.0.join("journal-0"), first);
        fuzz::write(&self.0.join("journal-1"), second);
    }
}

/// Something in each port, one durable step after the other.
async fn fill(store: &EmbeddedStore) {
    let domain = DomainRecord {
        name: "example.org".parse().unwrap(),
        postmaster: "anna@example.org".parse().unwrap(),
        catch_all: None,
    };
    store.add_domain(domain).await.expect("added");
    let account = Account {
        id: ACCOUNT,
        address: "anna@example.org".parse().unwrap(),
        password: PasswordHash::new("$argon2id$".into()),
        quota: Some(1 << 20),
    };
    store.add_account(account).await.expect("added");
    let alias = Alias {
        address: "info@example.org".parse().unwrap(),
        targets: vec!["anna@example.org".parse().unwrap()],
    };
    store.add_alias(alias).await.expect("added");
    store.accept(acceptance()).await.expect("accepted");
    let entry = NewEntry {
        delivery: Some(MessageId::from_bits(1)),
        content: "w.1".parse().unwrap(),
        prefix: "Return-Path: <>\r\n".into(),
        size: 100,
        internal_date: "2026-11-23T15:05:00Z".parse().unwrap(),
        flags: vec![Flag::Seen, Flag::Keyword("$x".parse().unwrap())],
    };
    let inbox = MailboxName::inbox();
    store
        .append(ACCOUNT, &inbox, entry, Quota::NONE)
        .await
        .expect("appended");
}

fn acceptance() -> Acceptance {
    let message = MessageId::from_bits(1);
    Acceptance {
        message,
        envelope: Envelope {
            return_path: ReversePath::Null,
            recipients: vec![Recipient::new("info@example.org".parse().unwrap())],
            ret: None,
            envelope_id: None,
            body: Body::SevenBit,
            smtputf8: false,
            transaction: Transaction {
                protocol: Protocol::Smtp,
                client: Some([192, 0, 2, 1].into()),
                helo: Some("c.example".into()),
                account: None,
                tls: None,
            },
        },
        content: "w.1".parse().unwrap(),
        size: 100,
        trace: TraceContext {
            trace: message,
            span: 1,
            sampled: true,
        },
        notice_of: None,
    }
}

/// All that the store shows, each a value or an error.
async fn read(store: &EmbeddedStore) -> String {
    let message = MessageId::from_bits(1);
    format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}",
        store.domains(None, 10).await,
        store.primary_domain().await,
        store.accounts(None, 10).await,
        store.account(ACCOUNT).await,
        store.aliases(None, 10).await,
        store.lookup(&"info@example.org".parse().unwrap()).await,
        Entries::entries(store, None, 10).await,
        store.history(message).await,
        store.queue(&QueueFilter::default(), None, 10).await,
        store.counts().await,
        store.mailboxes(ACCOUNT).await,
        MailboxStore::entries(store, ACCOUNT, MailboxId::INBOX, 0, 10).await,
        store.deliveries(None, 10).await,
    )
}

/// Makes the checksum of every batch hold; see
/// shared/store/src/embedded/engine/journal.rs.
fn seal(journal: &mut [u8]) {
    for at in 0..journal.len() {
        let batch = &mut journal[at..];
        if !batch.starts_with(b"RPj1") || batch.len() < 28 {
            continue;
        }
        let length = batch[4..8].iter().fold(0, |n, b| n << 8 | usize::from(*b));
        if let Some(checked) = batch.get(12..28 + length) {
            let checksum = crc32fast::hash(checked);
            batch[8..12].copy_from_slice(&checksum.to_be_bytes());
        }
    }
}
