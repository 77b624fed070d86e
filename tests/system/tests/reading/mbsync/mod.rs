//! mbsync keeps a mailbox and a Maildir the same, in both directions.
//!
//! `ROHRPOST_TEST_MESSAGES` says of how many messages.

mod contents;
mod maildir;

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use contents::{Contents, far_contents, letter};
use maildir::Maildir;
use system::{Broker, DEADLINE, House, Plan, Reader};
use tokio::time::Instant;

use crate::home::{Home, certificate, run_within};

/// The messages at the start, where nothing else is said.
const MESSAGES: usize = 500;

/// Where they are, in turn; mbsync takes names as they are on the wire.
const FOLDERS: [&str; 5] = ["INBOX", "Archive", "Work", "Work/2026", "Entw&APw-rfe"];

/// As many as fit into one APPEND.
const BATCH: usize = 500;

/// Both sides, and what must be on either.
struct Mirror {
    _house: House,
    home: Home,
    far: Reader,
    near: Maildir,
    expected: Contents,
    /// The number of the next message.
    next: usize,
}

impl Mirror {
    async fn of(house: House) -> Result<Self> {
        let [_, bob] = house.accounts();
        let home = Home::new()?;
        let text = format!(
            "FSync no\n\nIMAPAccount house\nHost 127.0.0.1\nPort {}\nUser {}\nPass {}\nSSLType IMAPS\n\
             CertificateFile {}\n\nIMAPStore far\nAccount house\n\n\
             MaildirStore near\nPath {near}/\nInbox {near}/INBOX\nSubFolders Verbatim\n\n\
             Channel both\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\n\
             Sync All\nCopyArrivalDate yes\nSyncState *\n",
            house.imaps().port(),
            bob.address,
            bob.password,
            certificate(&house).display(),
            near = home.path("mail").display(),
        );
        home.write(".mbsyncrc", text)?;
        let near = Maildir::create(home.path("mail"))?;
        let far = Reader::login(house.imaps(), bob).await?;
        let mut expected = Contents::new();
        for name in far_names(&house).await? {
            expected.insert(name, BTreeMap::new());
        }
        Ok(Self {
            _house: house,
            home,
            far,
            near,
            expected,
            next: 0,
        })
    }

    /// So many new messages on the server.
    async fn append(&mut self, folder: &str, count: usize) -> Result<()> {
        let numbers: Vec<_> = (self.next..self.next + count).collect();
        for some in numbers.chunks(BATCH) {
            let letters: Vec<_> = some.iter().map(|number| letter(*number)).collect();
            self.far.append(folder, &letters).await?;
        }
        self.expect_new(folder, count);
        Ok(())
    }

    /// So many new messages in the Maildir.
    fn deliver(&mut self, folder: &str, count: usize) -> Result<()> {
        for number in self.next..self.next + count {
            self.near.deliver(folder, number)?;
        }
        self.expect_new(folder, count);
        Ok(())
    }

    fn expect_new(&mut self, folder: &str, count: usize) {
        let folder = self.expected.entry(folder.to_owned()).or_default();
        folder.extend((self.next..self.next + count).map(|number| (number, String::new())));
        self.next += count;
    }

    /// Lets mbsync do its work; both sides are then as expected.
    async fn synchronise(&mut self) -> Result<()> {
        let start = Instant::now();
        self.run().await?;
        println!("mbsync took {:?}", start.elapsed());
        let near = self.near.contents()?;
        contents::same("Maildir", &near, &self.expected)?;
        let far = far_contents(&mut self.far).await?;
        contents::same("server", &far, &self.expected)
    }

    /// Lets mbsync do its work, of which there is none.
    async fn synchronise_in_vain(&mut self) -> Result<()> {
        let before = self.state().await?;
        self.run().await?;
        let after = self.state().await?;
        ensure!(before == after, "{before:#?}\nbecame\n{after:#?}");
        Ok(())
    }

    async fn run(&self) -> Result<()> {
        let most = DEADLINE * (1 + messages() / 1000) as u32;
        run_within(most, self.home.client("mbsync").arg("--all"))
            .await
            .map(drop)
    }

    /// What changes with any transfer: HIGHESTMODSEQ, and the names of files.
    async fn state(&mut self) -> Result<Vec<String>> {
        let mut state = self.near.files()?;
        for name in self.expected.keys() {
            let status = format!("STATUS \"{name}\" (MESSAGES UIDNEXT HIGHESTMODSEQ)");
            let told = self.far.ask(&status).await?;
            state.push(told[0].line.clone());
        }
        Ok(state)
    }

    /// The numbers of a folder's messages, from the first.
    fn numbers(&self, folder: &str) -> Vec<usize> {
        self.expected[folder].keys().copied().collect()
    }

    /// Flags some messages on the server, whose UIDs are their places.
    async fn flag_far(&mut self, places: std::ops::Range<usize>, flag: (char, &str)) -> Result<()> {
        let (letter, flag) = flag;
        let (first, last) = (places.start + 1, places.end);
        let store = format!("UID STORE {first}:{last} +FLAGS.SILENT ({flag})");
        self.far.ask(&store).await?;
        self.expect_flag("Work", places, letter);
        Ok(())
    }

    fn flag_near(&mut self, places: std::ops::Range<usize>, letter: char) -> Result<()> {
        for number in &self.numbers("Work")[places.clone()] {
            self.near.flag("Work", *number, letter)?;
        }
        self.expect_flag("Work", places, letter);
        Ok(())
    }

    fn expect_flag(&mut self, folder: &str, places: std::ops::Range<usize>, letter: char) {
        let numbers = self.numbers(folder);
        let Some(folder) = self.expected.get_mut(folder) else {
            return;
        };
        for number in &numbers[places] {
            let flags = folder.entry(*number).or_default();
            let mut letters: Vec<char> = flags.chars().chain([letter]).collect();
            letters.sort_unstable();
            letters.dedup();
            *flags = letters.into_iter().collect();
        }
    }

    fn expect_none(&mut self, folder: &str, numbers: &[usize]) {
        if let Some(folder) = self.expected.get_mut(folder) {
            folder.retain(|number, _| !numbers.contains(number));
        }
    }
}

async fn far_names(house: &House) -> Result<Vec<String>> {
    let [_, bob] = house.accounts();
    let mut reader = Reader::login(house.imaps(), bob).await?;
    for folder in FOLDERS {
        // INBOX and Archive are there.
        if folder != "INBOX" && folder != "Archive" {
            reader.ask(&format!("CREATE \"{folder}\"")).await?;
        }
    }
    reader.mailboxes().await
}

/// The number of messages of a run.
fn messages() -> usize {
    let given = std::env::var("ROHRPOST_TEST_MESSAGES");
    let given = given.ok().and_then(|given| given.parse().ok());
    given.unwrap_or(MESSAGES)
}

#[tokio::test]
async fn both_sides_stay_the_same_whichever_changes() -> Result<()> {
    stay_the_same(House::start().await?).await
}

#[tokio::test]
async fn both_sides_stay_the_same_over_redis() -> Result<()> {
    stay_the_same(Plan::new()?.over(Broker::Nats).start().await?).await
}

async fn stay_the_same(house: House) -> Result<()> {
    let mut mirror = Mirror::of(house).await?;
    for folder in FOLDERS {
        mirror.append(folder, messages() / FOLDERS.len()).await?;
    }
    mirror.synchronise().await?;
    mirror.synchronise_in_vain().await?;

    // Flags on both sides, of the same messages too.
    mirror.far.ask("SELECT Work").await?;
    mirror.flag_far(0..12, ('F', "\\Flagged")).await?;
    mirror.flag_far(12..16, ('R', "\\Answered")).await?;
    mirror.flag_near(8..14, 'S')?;
    mirror.flag_near(10..18, 'D')?;
    // Messages go on both sides.
    let numbers = mirror.numbers("Work");
    mirror.far.ask("UID STORE 21:25 +FLAGS (\\Deleted)").await?;
    mirror.far.ask("UID EXPUNGE 21:25").await?;
    mirror.expect_none("Work", &numbers[20..25]);
    for number in &numbers[30..35] {
        mirror.near.remove("Work", *number)?;
    }
    mirror.expect_none("Work", &numbers[30..35]);
    for number in &numbers[40..43] {
        mirror.near.flag("Work", *number, 'T')?;
    }
    mirror.expect_none("Work", &numbers[40..43]);
    // They come on both sides, to folders that are new too.
    mirror.append("Work", 10).await?;
    mirror.deliver("Work", 10)?;
    mirror.far.ask("CREATE \"Work/far\"").await?;
    mirror.append("Work/far", 5).await?;
    mirror.deliver("near", 5)?;
    mirror.synchronise().await?;
    mirror.synchronise_in_vain().await
}
