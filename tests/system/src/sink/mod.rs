//! Somebody else's mail server, which remembers what it took.

mod session;

use servers::Port;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::wait::until;

/// A message that the sink answered by 250.
#[derive(Debug, Clone)]
pub struct Received {
    /// The return path, without brackets.
    pub from: String,
    /// The recipients, without brackets.
    pub to: Vec<String>,
    /// The parameters of MAIL and of each RCPT.
    pub parameters: Vec<String>,
    /// The octets after unstuffing.
    pub octets: Vec<u8>,
}

impl Received {
    /// The first header field of that name, unless it is folded.
    pub fn field(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.octets);
        let header = text.split("\r\n\r\n").next()?;
        let mut fields = header.lines().filter_map(|line| line.split_once(':'));
        fields
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    }
}

/// A moment at which the sink may misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Before the greeting.
    Connect,
    /// After EHLO or HELO.
    Hello,
    /// After MAIL.
    Mail,
    /// After RCPT.
    Recipient,
    /// After DATA.
    Data,
    /// In the middle of the content, after its first line.
    Content,
    /// After the final dot.
    Dot,
}

/// What the sink does at a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What is right.
    Accept,
    /// Replies so; without line end.
    Reply(String),
    /// Says nothing, and keeps the connection.
    Silence,
    /// Closes the connection.
    HangUp,
    /// At the dot: takes the message, then closes the connection without a word.
    TakeAndHangUp,
    /// Says these octets and no more, then closes the connection; at the dot,
    /// after taking the message.
    BreakOff(String),
}

impl Answer {
    /// A reply of that text.
    pub fn reply(text: &str) -> Self {
        Self::Reply(text.to_owned())
    }

    /// A reply that ends in its middle.
    pub fn break_off(octets: &str) -> Self {
        Self::BreakOff(octets.to_owned())
    }
}

type Script = Arc<dyn Fn(Stage, &str) -> Answer + Send + Sync>;

/// What sessions share with the test.
#[derive(Clone)]
struct Book {
    messages: Arc<Mutex<Vec<Received>>>,
    script: Arc<Mutex<Script>>,
}

impl Book {
    fn messages(&self) -> MutexGuard<'_, Vec<Received>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to do at `stage`, whose command is `line`.
    fn answer(&self, stage: Stage, line: &str) -> Answer {
        // A script may take its time; other sessions have theirs.
        let current = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let script = Arc::clone(&current);
        drop(current);
        script(stage, line)
    }
}

/// An SMTP server on a port of its own, without TLS.
pub struct Sink {
    port: Port,
    book: Book,
    listening: Option<JoinHandle<()>>,
}

impl Sink {
    /// Starts taking mail.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> Result<Self> {
        let mut sink = Self::stopped()?;
        sink.resume().await?;
        Ok(sink)
    }

    /// A sink that has a port, where nobody answers yet.
    ///
    /// # Errors
    /// When no port is free.
    pub fn stopped() -> Result<Self> {
        let accept: Script = Arc::new(|_, _| Answer::Accept);
        Ok(Self {
            port: Port::reserve()?,
            book: Book {
                messages: Arc::default(),
                script: Arc::new(Mutex::new(accept)),
            },
            listening: None,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Decides by `script`, which is told the stage and the command's line, how
    /// the sink behaves from now on.
    pub fn behave(&self, script: impl Fn(Stage, &str) -> Answer + Send + Sync + 'static) {
        let mut current = self
            .book
            .script
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(script);
    }

    /// Closes the port and breaks all connections.
    pub async fn stop(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
            // It ends as cancelled, and its sessions with it.
            let _ = listening.await;
        }
    }

    /// Listens again, on the same port.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn resume(&mut self) -> Result<()> {
        let address = self.address();
        // A program that another test starts at this moment has our files open
        // until it is under way.
        let listener = until(
            "the sink's port is free",
            async || match TcpListener::bind(address).await {
                Ok(listener) => Ok(Some(listener)),
                Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(None),
                Err(error) => Err(error).context("binding the sink"),
            },
        );
        let listener = listener.await?;
        self.listening = Some(tokio::spawn(listen(listener, self.book.clone())));
        Ok(())
    }

    /// The messages taken so far.
    pub fn received(&self) -> Vec<Received> {
        self.book.messages().clone()
    }

    /// Looks at the messages taken so far.
    pub fn look<T>(&self, at: impl FnOnce(&[Received]) -> T) -> T {
        at(&self.book.messages())
    }

    /// Waits for the first message that fits.
    ///
    /// # Errors
    /// When none comes.
    pub async fn wait_for(&self, what: &str, fits: impl Fn(&Received) -> bool) -> Result<Received> {
        until(&format!("the sink has {what}"), async || {
            Ok(self.look(|messages| messages.iter().find(|message| fits(message)).cloned()))
        })
        .await
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
    }
}

/// Serves connections until it is aborted, which ends them too.
async fn listen(listener: TcpListener, book: Book) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    // How a session ends is the client's affair.
                    let book = book.clone();
                    sessions.spawn(async move { session::serve(stream, &book).await.ok() });
                }
            }
            Some(_) = sessions.join_next() => {}
        }
    }
}
