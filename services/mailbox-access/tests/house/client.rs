//! A client that says what it is told, and hears lines.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::DEADLINE;

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    tag: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        Self {
            stream: BufReader::new(socket),
            tag: String::new(),
        }
    }

    /// Sends octets, of which the first word is the tag of what is answered next.
    pub(crate) async fn send(&mut self, text: &str) {
        let tag = text.split(' ').next().unwrap_or_default();
        // Other words do not look like that: a small letter and a number.
        let number = tag.strip_prefix(|c: char| c.is_ascii_lowercase());
        if number.is_some_and(|number| number.parse::<u32>().is_ok()) {
            self.tag = tag.to_owned();
        }
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next line, without its end; empty at the end of the connection.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = Vec::new();
        let read = self.stream.read_until(b'\n', &mut line);
        timeout(DEADLINE, read)
            .await
            .expect("a line in time")
            .unwrap();
        let text = String::from_utf8_lossy(&line);
        text.trim_end_matches(['\r', '\n']).to_owned()
    }

    /// Lines up to the answer, or up to where the client is asked to go on.
    pub(crate) async fn answer(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            let (ends, empty) = (
                ["+", "* BAD ", &format!("{} ", self.tag)]
                    .iter()
                    .any(|start| line.starts_with(start)),
                line.is_empty(),
            );
            // An empty line within a literal is none at the end.
            let over = empty && self.stream.fill_buf().await.unwrap().is_empty();
            lines.push(line);
            if ends || over {
                return lines;
            }
        }
    }

    /// Asks, and hears the answer.
    pub(crate) async fn ask(&mut self, command: &str) -> Vec<String> {
        self.send(&format!("a1 {command}\r\n")).await;
        self.answer().await
    }

    /// Exactly so many octets.
    pub(crate) async fn octets(&mut self, count: usize) -> Vec<u8> {
        let mut octets = vec![0; count];
        let read = self.stream.read_exact(&mut octets);
        timeout(DEADLINE, read)
            .await
            .expect("octets in time")
            .unwrap();
        octets
    }

    pub(crate) async fn write(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }
}
