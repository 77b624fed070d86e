//! One connection to the sink.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

use super::{Answer, Book, Received, Stage};

const CAPABILITIES: &str = "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN";

/// Answers a client until it leaves.
pub(super) async fn serve(stream: TcpStream, book: &Book) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut session = Session {
        stream: BufStream::new(stream),
        book,
        open: None,
    };
    if !session
        .answer(Stage::Connect, "", "220 sink.test ESMTP")
        .await?
    {
        return Ok(());
    }
    while let Some(line) = session.line().await? {
        if !session.obey(&line).await? {
            break;
        }
    }
    Ok(())
}

struct Session<'b> {
    stream: BufStream<TcpStream>,
    book: &'b Book,
    /// The transaction, from MAIL on.
    open: Option<Received>,
}

impl Session<'_> {
    /// Does what a command says; false ends the connection.
    async fn obey(&mut self, line: &str) -> io::Result<bool> {
        let verb = line.split(' ').next().unwrap_or_default();
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" => self.answer(Stage::Hello, line, CAPABILITIES).await,
            "MAIL" => self.begin(line).await,
            "RCPT" => self.add(line).await,
            "DATA" => self.data(line).await,
            "RSET" => {
                self.open = None;
                self.say("250 2.0.0 Forgotten").await
            }
            "NOOP" => self.say("250 2.0.0 Nothing").await,
            "QUIT" => {
                self.say("221 2.0.0 Bye").await?;
                Ok(false)
            }
            _ => self.say("502 5.5.1 Not here").await,
        }
    }

    async fn begin(&mut self, line: &str) -> io::Result<bool> {
        self.open = None;
        let (from, parameters) = path(line);
        let refused = self.book.answer(Stage::Mail, line);
        if refused == Answer::Accept {
            self.open = Some(Received {
                from,
                to: Vec::new(),
                parameters: vec![parameters],
                octets: Vec::new(),
            });
        }
        self.act(refused, "250 2.1.0 Sender taken").await
    }

    async fn add(&mut self, line: &str) -> io::Result<bool> {
        let answer = self.book.answer(Stage::Recipient, line);
        let Some(message) = &mut self.open else {
            return self.say("503 5.5.1 MAIL first").await;
        };
        if answer == Answer::Accept {
            let (to, parameters) = path(line);
            message.to.push(to);
            message.parameters.push(parameters);
        }
        self.act(answer, "250 2.1.5 Recipient taken").await
    }

    async fn data(&mut self, line: &str) -> io::Result<bool> {
        let message = self.open.take().filter(|message| !message.to.is_empty());
        let Some(mut message) = message else {
            return self.say("503 5.5.1 RCPT first").await;
        };
        match self.book.answer(Stage::Data, line) {
            Answer::Accept => self.say("354 Go on").await?,
            other => return self.act(other, "354 Go on").await,
        };
        if !self.content(&mut message.octets).await? {
            return Ok(false);
        }
        let answer = self.book.answer(Stage::Dot, line);
        match &answer {
            Answer::Accept | Answer::TakeAndHangUp | Answer::BreakOff(_) => {
                self.book.messages().push(message);
            }
            Answer::Reply(_) | Answer::Silence | Answer::HangUp => {}
        }
        self.act(answer, "250 2.0.0 Taken").await
    }

    /// Reads content up to the dot; false when one side left before it.
    async fn content(&mut self, octets: &mut Vec<u8>) -> io::Result<bool> {
        self.stream.read_until(b'\n', octets).await?;
        match self.book.answer(Stage::Content, "") {
            Answer::Accept => {}
            other => return self.act(other, "").await,
        }
        loop {
            let start = octets.len();
            self.stream.read_until(b'\n', octets).await?;
            match &octets[start..] {
                b".\r\n" => {
                    octets.truncate(start);
                    return Ok(true);
                }
                [] => return Ok(false),
                [b'.', ..] => drop(octets.remove(start)),
                _ => {}
            }
        }
    }

    async fn answer(&mut self, stage: Stage, line: &str, usual: &str) -> io::Result<bool> {
        let answer = self.book.answer(stage, line);
        self.act(answer, usual).await
    }

    /// Replies as decided; false ends the connection.
    async fn act(&mut self, answer: Answer, usual: &str) -> io::Result<bool> {
        match answer {
            Answer::Accept => self.say(usual).await,
            Answer::Reply(text) => self.say(&text).await,
            Answer::Silence => std::future::pending().await,
            Answer::HangUp | Answer::TakeAndHangUp => Ok(false),
            Answer::BreakOff(octets) => {
                self.stream.write_all(octets.as_bytes()).await?;
                self.stream.flush().await?;
                Ok(false)
            }
        }
    }

    async fn say(&mut self, reply: &str) -> io::Result<bool> {
        self.stream
            .write_all(format!("{reply}\r\n").as_bytes())
            .await?;
        self.stream.flush().await?;
        Ok(true)
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await?;
        let text = String::from_utf8_lossy(&line);
        Ok(text.strip_suffix("\r\n").map(str::to_owned))
    }
}

/// The path between the brackets and the parameters behind them.
fn path(line: &str) -> (String, String) {
    let inner = line.split_once('<').map_or("", |(_, rest)| rest);
    let (path, parameters) = inner.rsplit_once('>').unwrap_or((inner, ""));
    (path.to_owned(), parameters.trim().to_owned())
}
