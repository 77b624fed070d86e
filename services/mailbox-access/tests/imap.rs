//! Plays the dialogues of `tests/imap/` with servers over each engine.
//!
//! `C:` is said by the first client and `S:` is what it hears until its command
//! is answered or it is asked to go on; `D:` and `T:` are those of a second one,
//! who is at another instance where the engine is shared.
//! `W:` waits until the first hears such a line, which nobody asked for. Each
//! dialogue begins in clear, where passwords are taken, with an account `alice`
//! that has its mailboxes and nothing in them. What differs from run to run is
//! replaced: numbers of ten digits by `UV`, times by `NOW`, ids of contents by `ID`;
//! and so are control characters.
//! `BLESS=1` rewrites the files as the server answers now.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use house::{Client, Engine, House};
use store::Time;

#[tokio::test(flavor = "multi_thread")]
async fn sessions_go_as_written() {
    for path in dialogues() {
        let house = House::open().await;
        play_at([house.imap, house.imap], &path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_go_as_written_at_two_instances_over_one_redis() {
    for path in dialogues() {
        let house = House::over(Engine::Redis(Time::Server)).await;
        let neighbour = house.neighbour().await;
        play_at([house.imap, neighbour.imap], &path).await;
    }
}

fn dialogues() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/imap");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() > 5, "{} dialogues", paths.len());
    paths
}

async fn play_at(servers: [SocketAddr; 2], path: &Path) {
    let written = fs::read_to_string(path).unwrap();
    let now = play(servers, &written).await;
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, &now).unwrap();
    } else {
        assert_eq!(now, written, "{}", path.display());
    }
}

/// The transcript with the servers' side as it is now.
async fn play(servers: [SocketAddr; 2], written: &str) -> String {
    let mut log = String::new();
    let mut speakers: [Speaker; 2] = Default::default();
    for line in written.lines() {
        let (side, text) = line.split_at_checked(2).unwrap_or((line, ""));
        let text = text.strip_prefix(' ').unwrap_or(text);
        match side {
            "S:" | "T:" => continue,
            "C:" | "D:" => {
                let at = usize::from(side == "D:");
                if speakers[at].client.is_none() {
                    let mut client = Client::connect(servers[at]).await;
                    say(&mut log, at, &client.line().await);
                    speakers[at].client = Some(client);
                }
                note(&mut log, line);
                for heard in speakers[at].speak(text).await {
                    say(&mut log, at, &heard);
                }
            }
            "W:" => {
                let client = speakers[0].client.as_mut().unwrap();
                let heard = client.line().await;
                note(&mut log, &format!("W: {}", settle(&heard)));
            }
            _ => note(&mut log, line),
        }
    }
    log
}

/// A client in the middle of a command.
#[derive(Default)]
struct Speaker {
    client: Option<Client>,
    /// What is said when the command is whole.
    pending: String,
    /// Octets of a literal that are to come.
    literal: usize,
}

impl Speaker {
    /// Says a line, and what is heard then; nothing within a literal.
    async fn speak(&mut self, text: &str) -> Vec<String> {
        self.pending += &format!("{text}\r\n");
        if self.literal >= text.len() + 2 {
            self.literal -= text.len() + 2;
            return Vec::new();
        }
        self.literal = 0;
        let size = text
            .strip_suffix('}')
            .and_then(|text| text.rsplit_once('{'));
        let size = size.map_or("", |(_, size)| size);
        let (digits, waits) = match size.strip_suffix('+') {
            Some(digits) => (digits, false),
            None => (size, true),
        };
        if let Ok(size) = digits.parse() {
            self.literal = size;
            if !waits {
                return Vec::new();
            }
        }
        let client = self.client.as_mut().unwrap();
        client.send(&std::mem::take(&mut self.pending)).await;
        let heard = client.answer().await;
        if heard.last().is_none_or(|last| !last.starts_with('+')) {
            self.literal = 0;
        }
        heard
    }
}

fn note(log: &mut String, line: &str) {
    log.push_str(line.trim_end());
    log.push('\n');
}

fn say(log: &mut String, at: usize, heard: &str) {
    let side = if at == 0 { "S:" } else { "T:" };
    note(log, &format!("{side} {}", settle(heard)));
}

/// A line without what differs from run to run.
fn settle(line: &str) -> String {
    let mut settled = String::new();
    let mut digits = String::new();
    for c in line.chars().chain(['\n']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        settled += if digits.len() == 10 { "UV" } else { &digits };
        digits.clear();
        settled.push(c);
    }
    settled.pop();
    settled = settled
        .chars()
        .flat_map(|c| match c.is_control() {
            true => format!("<{:02x}>", u32::from(c))
                .chars()
                .collect::<Vec<_>>(),
            false => vec![c],
        })
        .collect();
    for (start, end, name) in [("EMAILID (", ')', "ID"), ("SAVEDATE \"", '"', "NOW")] {
        settled = replace(&settled, start, end, name);
    }
    // Dates that a dialogue gives are of another year.
    match settled.contains("2020") {
        true => settled,
        false => replace(&settled, "INTERNALDATE \"", '"', "NOW"),
    }
}

fn replace(line: &str, start: &str, end: char, with: &str) -> String {
    let Some((before, rest)) = line.split_once(start) else {
        return line.to_owned();
    };
    let after = rest.find(end).map_or("", |at| &rest[at..]);
    format!("{before}{start}{with}{after}")
}
