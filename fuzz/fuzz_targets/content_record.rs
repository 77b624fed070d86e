//! Files of the content store with any damage: what is read is what was
//! written, or an error; and neighbours of damage stay readable.
#![no_main]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use content::file::FileStore;
use content::{CHUNK, ContentStore, Error, Settings, Trailer, WriterName};
use libfuzzer_sys::fuzz_target;
use message::{ContentId, MessageId};
use tokio::runtime::Runtime;

use fuzz::damage::{self, Edit};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(fuzz::runtime);
static WORLD: LazyLock<World> = LazyLock::new(|| RUNTIME.block_on(World::new()));

fuzz_target!(|input: &[u8]| {
    let Some((&setting, rest)) = input.split_first() else {
        return;
    };
    let setting = Setting(setting);
    let file = match setting.single() {
        true => &WORLD.single,
        false => &WORLD.segment,
    };
    let edits: Vec<_> = damage::edits(rest).collect();
    let mut octets = file.octets.clone();
    edits.iter().for_each(|edit| edit.apply(&mut octets));
    if setting.seals() {
        seal(&mut octets);
    }
    if setting.truncates() {
        let length = edits.first().map_or(0, |edit| edit.at);
        octets.truncate(length);
    }
    fuzz::write(&file.path, &octets);
    RUNTIME.block_on(file.check(octets.len(), setting.is_slight(&edits)));
});

/// How the damage is done, a bit for each choice.
#[derive(Clone, Copy)]
struct Setting(u8);

impl Setting {
    /// To a long content's own file rather than to a segment.
    fn single(self) -> bool {
        self.0 & 1 != 0
    }

    /// With checksums that hold, so that what is behind them is reached.
    fn seals(self) -> bool {
        self.0 & 2 != 0
    }

    /// The file ends early, where the first edit is.
    fn truncates(self) -> bool {
        self.0 & 4 != 0
    }

    /// A burst that no CRC-32 overlooks.
    fn is_slight(self, edits: &[Edit<'_>]) -> bool {
        let burst = matches!(edits, [edit] if edit.octets.len() <= 4);
        burst && !self.seals() && !self.truncates()
    }
}

/// A store with a segment and a file of a long content.
struct World {
    segment: Sample,
    single: Sample,
}

/// A file as it was written.
struct Sample {
    root: PathBuf,
    path: PathBuf,
    octets: Vec<u8>,
    /// What is in it.
    contents: Vec<(ContentId, Vec<u8>)>,
}

impl World {
    async fn new() -> Self {
        Self {
            segment: Sample::new(&[10, 300, 70_000, 0, 500], "segment").await,
            single: Sample::new(&[140_000], "content").await,
        }
    }
}

impl Sample {
    async fn new(lengths: &[usize], extension: &str) -> Self {
        let root = fuzz::scratch();
        let store = open(&root, Some("w".parse().unwrap())).await;
        let mut contents = Vec::new();
        for (number, length) in (1..).zip(lengths) {
            let octets: Vec<u8> = (0..*length).map(|at| (at * 7 + number) as u8).collect();
            let mut writer = store.create().await.expect("a writer");
            writer.write(&octets).await.expect("written");
            let trailer = Trailer {
                message: MessageId::from_bits(number as u128),
                prefix: b"Received: x\r\n".as_slice().into(),
                envelope: None,
            };
            let stored = writer.finish(trailer).await.expect("stored");
            contents.push((stored.id, octets));
        }
        let mut files = fs::read_dir(root.join("w")).expect("the writer's directory");
        let path = files
            .find_map(|file| {
                let path = file.expect("a file").path();
                path.extension()
                    .is_some_and(|e| e == extension)
                    .then_some(path)
            })
            .expect("the file with the contents");
        let octets = fs::read(&path).expect("its octets");
        Self {
            root,
            path,
            octets,
            contents,
        }
    }

    /// Reads all there is in the file, of `length` octets now.
    async fn check(&self, length: usize, slight: bool) {
        let store = open(&self.root, None).await;
        let listed = list(&store, length).await;
        let mut lost = 0;
        for (id, octets) in &self.contents {
            match get(&store, id).await {
                Some(found) if slight => {
                    assert_eq!(&found, octets, "{id} is not what was written");
                    assert!(listed.contains(id), "{id} is not listed");
                }
                Some(_) => {}
                None => lost += 1,
            }
        }
        // A burst may lie across the border of two records.
        assert!(!slight || lost <= 2, "{lost} contents are lost");
        for id in &listed {
            get(&store, id).await;
        }
    }
}

async fn open(root: &Path, writer: Option<WriterName>) -> FileStore {
    let clock = Arc::new(fuzz::clock());
    let settings = Settings::new(writer, clock, Arc::new(fuzz::randomness()));
    FileStore::open(root, settings)
        .await
        .expect("the store opens")
}

/// What is listed, in pages; each content once.
async fn list(store: &FileStore, length: usize) -> HashSet<ContentId> {
    let (mut listed, mut after) = (HashSet::new(), None);
    loop {
        let page = store.list(after, 3).await.expect("a page");
        assert!(page.contents.len() <= 3);
        for content in page.contents {
            assert!(listed.insert(content.id), "listed twice");
        }
        // A record takes 64 octets at least.
        assert!(listed.len() <= length / 64);
        for damage in page.damage {
            assert!(matches!(damage, Error::Corrupt { .. }), "{damage}");
        }
        after = page.next;
        if after.is_none() {
            return listed;
        }
    }
}

/// The octets, if all of them can be read.
async fn get(store: &FileStore, id: &ContentId) -> Option<Vec<u8>> {
    let mut reader = match store.open(id).await {
        Ok(reader) => reader,
        Err(error) => return readable(error),
    };
    let mut octets = Vec::new();
    loop {
        let ahead = match reader.read_range(octets.len() as u64, CHUNK).await {
            Ok(ahead) => ahead,
            Err(error) => return readable(error),
        };
        match reader.read().await {
            Ok(Some(chunk)) => {
                assert!((1..=CHUNK).contains(&chunk.len()));
                assert_eq!(chunk, ahead);
                octets.extend_from_slice(&chunk);
            }
            Ok(None) => break,
            Err(error) => return readable(error),
        }
    }
    assert_eq!(octets.len() as u64, reader.octets());
    Some(octets)
}

/// Damage is told as such.
fn readable(error: Error) -> Option<Vec<u8>> {
    let expected = matches!(
        error,
        Error::Corrupt { .. } | Error::NotFound(_) | Error::ForeignId(_)
    );
    assert!(expected, "{error}");
    None
}

/// Makes the checksums of every record hold; see shared/content/src/file/record.rs.
fn seal(file: &mut [u8]) {
    for at in (0..file.len()).step_by(8) {
        let record = &mut file[at..];
        if record.starts_with(b"ROHRREC1") && record.len() >= 64 {
            seal_record(record);
        }
    }
}

fn seal_record(record: &mut [u8]) {
    let number = |octets: &[u8]| octets.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
    let lengths = [number(&record[32..40]), number(&record[48..52])];
    let checksum = crc32fast::hash(&record[..56]);
    record[56..60].copy_from_slice(&checksum.to_le_bytes());
    let mut rest = &mut record[64..];
    for mut left in lengths {
        while left > 0 {
            let length = left.min(CHUNK as u64) as usize;
            let Some((block, after)) = rest.split_at_mut_checked(length + 4) else {
                return;
            };
            let checksum = crc32fast::hash(&block[..length]);
            block[length..].copy_from_slice(&checksum.to_le_bytes());
            rest = after;
            left -= length as u64;
        }
    }
}
